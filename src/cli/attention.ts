import { LecternError } from "../common/index.ts";
import type { GenerateOptions, GenerateResult, Model } from "../inference/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { bar, percent, tableLines } from "./table.ts";

/** Edges that are printed. */
const MOST = 10;

/** True for kinds of models whose attention can be printed. */
const HAS_ATTENTION: Readonly<Record<Model["kind"], boolean>> = {
  decoder: true,
  encoder: true,
  "encoder-decoder": true,
  recurrent: false,
  "recurrent-encoder-decoder": false,
};

interface PlacedToken {
  readonly position: number;
  readonly id: number;
  readonly token: string;
}

interface Edge {
  readonly head: number;
  readonly from: PlacedToken;
  readonly to: PlacedToken;
  readonly weight: number;
}

/** The strongest attention weights of a layer; `cross`: of a decoder's tokens to its encoder's. */
export interface StrongestEdges {
  readonly layer: number;
  readonly cross: boolean;
  readonly edges: readonly Edge[];
}

/** Refuses a model without attention, and a layer or head that it lacks, before anything is generated. */
export async function checkAttention(
  model: Model,
  options: GenerateOptions,
  wanted: { readonly layer: number | undefined; readonly head: number | undefined },
): Promise<void> {
  if (!HAS_ATTENTION[model.kind])
    throw new LecternError(
      "unsupported",
      `--show attention: this model (${model.family}) has no attention; use a transformer`,
    );
  const isBounded = wanted.layer !== undefined || wanted.head !== undefined;
  if (isBounded) await strongestEdges(model, { inputIds: [[0]], outputIds: [] }, options, wanted); // of any one token
}

/** Computes the attention of a prompt and its continuation, and picks the strongest weights of a layer, or of one head. */
export async function strongestEdges(
  model: Model,
  { inputIds, outputIds }: Pick<GenerateResult, "inputIds" | "outputIds">,
  options: GenerateOptions,
  { layer, head }: { readonly layer: number | undefined; readonly head: number | undefined },
): Promise<StrongestEdges> {
  const read = inputIds[0] as readonly number[];
  const start = startToken(model, options);
  const cross = model.isEncoderDecoder && start !== undefined;
  const written = cross ? [start, ...outputIds.slice(0, -1)] : [...read, ...outputIds];
  const queries = written.slice(0, model.contextWindow);
  const result = await model.forward(
    cross ? { inputIds: [read], decoderInputIds: [queries] } : { inputIds: [queries] },
    { attentions: true },
  );
  const layers = (cross ? result.crossAttentions : result.attentions) ?? [];
  const chosen = within("--layer", layer ?? layers.length - 1, layers.length);
  const weights = layers[chosen] as HostTensor<"float32">;
  const heads = weights.shape[1] as number;
  if (head !== undefined) within("--head", head, heads);
  const tokenAt = (ids: readonly number[], position: number): PlacedToken => {
    const id = ids[position] as number;
    return { position, id, token: model.tokenizer?.decode([id]) ?? String(id) };
  };
  const edges = strongest(weights, { head, skipsFirst: !cross });
  return {
    layer: chosen,
    cross,
    edges: edges.map(({ head, query, key, weight }) => ({
      head,
      from: tokenAt(queries, query),
      to: tokenAt(cross ? read : queries, key),
      weight,
    })),
  };
}

function startToken({ config, generationConfig }: Model, { decoderStartTokenId }: GenerateOptions): number | undefined {
  return (decoderStartTokenId ?? generationConfig.decoder_start_token_id ?? config.decoder_start_token_id) as
    | number
    | undefined;
}

function within(flag: string, value: number, count: number): number {
  if (value >= count)
    throw new LecternError("usage", `${flag} must be below ${count}, which this model has; got ${value}`);
  return value;
}

/** @param weights `[1, H, T, S]` @param skipsFirst leaves out the first token, which can only attend to itself */
export function strongest(
  { shape, data }: Pick<HostTensor<"float32">, "shape" | "data">,
  { head, skipsFirst, most = MOST }: { readonly head: number | undefined; skipsFirst: boolean; most?: number },
): { head: number; query: number; key: number; weight: number }[] {
  const [, heads, queries, keys] = shape as [number, number, number, number];
  const edges: { head: number; query: number; key: number; weight: number }[] = [];
  for (let h = head ?? 0; h < (head === undefined ? heads : head + 1); h++)
    for (let query = skipsFirst ? 1 : 0; query < queries; query++)
      for (let key = 0; key < keys; key++) {
        const weight = data[(h * queries + query) * keys + key] as number;
        if (edges.length === most && weight <= (edges.at(-1)?.weight ?? 0)) continue;
        const at = edges.findIndex((edge) => edge.weight < weight);
        edges.splice(at < 0 ? edges.length : at, 0, { head: h, query, key, weight });
        if (edges.length > most) edges.pop();
      }
  return edges;
}

/** Prints edges as a table, the strongest first. */
export function writeEdges({ layer, cross, edges }: StrongestEdges, print: (text: string) => unknown): void {
  const name = ({ position, token }: PlacedToken): string => `${JSON.stringify(token)} ${position}`;
  const rows = edges.map((edge) => [
    String(edge.head),
    name(edge.from),
    name(edge.to),
    percent(edge.weight),
    bar(edge.weight),
  ]);
  print(`\nlayer ${layer}: the strongest ${cross ? "cross-attention" : "attention"} weights\n`);
  print(`${tableLines([["head", "token", "attends to", "weight"], ...rows], [0, 3]).join("\n")}\n`);
}
