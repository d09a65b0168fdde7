import { check } from "../common/index.ts";
import { idsOf, type LensPrediction, piecesOf, predictionsOf, type TokenPiece } from "../explain/index.ts";
import { attends, type Model, traitsOf } from "../inference/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** Numbers with their shape. */
export interface StudioMatrix {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** One pass over a text: its tokens, their embeddings, and the attention of every head. */
export interface StudioTrace {
  readonly tokens: readonly TokenPiece[];
  /** Of an encoder–decoder: the tokens that its decoder read. */
  readonly decoderTokens: readonly TokenPiece[] | null;
  /** The position of the first token that matrices have; of a long text, the last tokens are shown. */
  readonly from: number;
  /** `[T, E]`, what enters the first layer. */
  readonly embeddings: StudioMatrix | null;
  /** `[L + 1, T]`, the length of each token's state before each layer and at the end. */
  readonly norms: StudioMatrix | null;
  /** One `[H, T, T]` a layer; of an encoder–decoder, of its encoder. */
  readonly attentions: readonly StudioMatrix[];
  /** One `[H, U, U]` a layer of a decoder beside an encoder. */
  readonly decoderAttentions: readonly StudioMatrix[];
  /** One `[H, U, T]` a layer. */
  readonly crossAttentions: readonly StudioMatrix[];
  /** Each layer's predictions at the positions that were asked for, by layer and then by position. */
  readonly lens: readonly LensPrediction[];
}

interface TraceOptions {
  /** The tokens that matrices have at most. */
  readonly window?: number;
  readonly decoderIds?: readonly number[] | null;
  /** Positions of the text for the logit lens; none by default. */
  readonly positions?: readonly number[] | null;
  /** The tokens that the lens names for each layer and position. */
  readonly top?: number;
}

/** The tokens that matrices have at most, if a call does not say. */
const WINDOW = 64;

/**
 * Runs a text through a model once, with the logit lens at the positions that are asked for. Of a text longer than `window`, matrices have the last tokens.
 *
 * @throws LecternError with code `input` for a text longer than the context window
 */
export async function traceText(
  model: Model,
  input: string | readonly number[],
  { window = WINDOW, decoderIds, positions, top = 5 }: TraceOptions = {},
): Promise<StudioTrace> {
  const ids = idsOf(model, input, "trace");
  check(
    ids.length <= model.contextWindow,
    "input",
    () =>
      `the text has ${ids.length} tokens, and the model's context window ${model.contextWindow}: leave out ${ids.length - model.contextWindow}`,
  );
  const { hasHiddenStates } = traitsOf(model.kind);
  const written = model.isEncoderDecoder ? (decoderIds ?? undefined) : undefined;
  const result = await model.forward(
    { inputIds: [ids], ...(written && { decoderInputIds: [written] }) },
    { hiddenStates: hasHiddenStates, attentions: attends(model), ...(positions && { layerLogits: positions }) },
  );
  const [from, decoderFrom] = [ids, written ?? []].map((row) => Math.max(0, row.length - window)) as [number, number];
  const states = result.encoderHiddenStates ?? result.hiddenStates ?? [];
  const cut = (layers: HostTensor<"float32">[] | undefined, rows: number, columns: number): StudioMatrix[] =>
    (layers ?? []).map((weights) => lastOf(weights, rows, columns));
  return {
    tokens: piecesOf(model, ids),
    decoderTokens: written ? piecesOf(model, written) : null,
    from,
    embeddings: states[0] ? rowsFrom(states[0], from) : null,
    norms: states.length > 0 ? normsOf(states, from) : null,
    attentions: cut(result.encoderAttentions ?? result.attentions, from, from),
    decoderAttentions: cut(result.decoderAttentions, decoderFrom, decoderFrom),
    crossAttentions: cut(result.crossAttentions, decoderFrom, from),
    lens: result.layerLogits && positions ? predictionsOf(model, result.layerLogits, positions, top) : [],
  };
}

/** `[1, H, T, S]` without the first rows and columns, as `[H, T′, S′]`. */
function lastOf({ data, shape }: HostTensor<"float32">, fromRow: number, fromColumn: number): StudioMatrix {
  const [, heads, rows, columns] = shape as [number, number, number, number];
  const [height, width] = [rows - fromRow, columns - fromColumn];
  const cut = new Float32Array(heads * height * width);
  for (let head = 0; head < heads; head++)
    for (let row = 0; row < height; row++) {
      const at = (head * rows + row + fromRow) * columns + fromColumn;
      cut.set(data.subarray(at, at + width), (head * height + row) * width);
    }
  return { shape: [heads, height, width], data: cut };
}

/** `[1, T, E]` without the first rows. */
function rowsFrom({ data, shape }: HostTensor<"float32">, from: number): StudioMatrix {
  const [, rows, size] = shape as [number, number, number];
  return { shape: [rows - from, size], data: data.slice(from * size) };
}

function normsOf(states: readonly HostTensor<"float32">[], from: number): StudioMatrix {
  const rows = states.map((state) => {
    const { data, shape } = rowsFrom(state, from);
    const size = shape[1] as number;
    return Array.from({ length: shape[0] as number }, (_, i) =>
      Math.sqrt(data.subarray(i * size, (i + 1) * size).reduce((sum, x) => sum + x * x, 0)),
    );
  });
  return { shape: [states.length, rows[0]?.length ?? 0], data: Float32Array.from(rows.flat()) };
}
