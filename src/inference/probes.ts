import { check, LecternError } from "../common/index.ts";
import type { Architecture } from "../families/index.ts";
import { add, apply, type Dimension, gather, input, ops, reshape, rewriteNamed, type Value } from "../graph/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { ForwardInputs, ForwardOptions } from "./forward.ts";
import type { ForwardGraph } from "./forward-graph.ts";
import { traitsOf } from "./kinds/index.ts";

/** What a pass with probes is fed beside its rows, by the names of its inputs. */
const LENS_ROWS = "lens_rows";
const INPUT_DELTA = "input_delta";

/** x `[…, E]` as a matrix `[rows, E]`. */
function flatten(x: Value): Value {
  const rows = x.shape.slice(0, -1);
  const count: Dimension = rows.every((size) => typeof size === "number")
    ? rows.reduce((product: number, size) => product * (size as number), 1)
    : rows.join("*");
  return reshape(x, [count, x.shape.at(-1) as Dimension]);
}

/** Logits `[…, V]` at chosen rows, `[N, V]`; a linear head is computed at these rows alone. */
export function logitsAt(logits: Value, rows: Value): Value {
  const { source } = logits;
  if (source.kind !== "node" || source.node.op.name !== ops.linear.name) return gather(flatten(logits), rows);
  const [x, ...weights] = source.node.inputs as [Value, ...Value[]];
  return apply(source.node.op, [gather(flatten(x), rows), ...weights], source.node.attributes)[0] as Value;
}

/** The same outputs, with another value in place of one that they are computed from. */
function replaceIn<K extends string>(outputs: Readonly<Record<K, Value>>, from: Value, to: Value): Record<K, Value> {
  const replaced = rewriteNamed(outputs, (node, inputs) =>
    node.inputs.includes(from)
      ? apply(
          node.op,
          inputs.map((value, i) => (node.inputs[i] === from ? to : value)),
          node.attributes,
        )
      : undefined,
  );
  return Object.fromEntries(
    Object.entries<Value>(replaced).map(([key, value]) => [key, value === from ? to : value]),
  ) as Record<K, Value>;
}

/**
 * What the model's own norm and head make of the states that enter each layer, and of those that leave the last:
 * `layer_logits.0` … `layer_logits.L`, each `[N, V]` at the positions that `lens_rows` names (nostalgebraist, "logit
 * lens", 2020).
 */
export function lensOutputs({ heads, hiddenStates, leaving }: ForwardGraph, family: string): Record<string, Value> {
  const { logits } = heads;
  const states = hiddenStates.decoder_hidden_states ?? hiddenStates.hidden_states ?? [];
  check(
    logits?.shape.length === 3 && leaving !== undefined,
    "unsupported",
    () => `forward: layerLogits: this ${family} has no head over words behind a stack of layers; leave it out`,
  );
  const rows = input(LENS_ROWS, "int64", ["N"]);
  const before = states.slice(0, -1).map((state, layer) => {
    const { seen } = replaceIn({ seen: logits as Value }, leaving as Value, state);
    return [`layer_logits.${layer}`, logitsAt(seen as Value, rows)] as const;
  });
  return Object.fromEntries([...before, [`layer_logits.${before.length}`, logitsAt(logits as Value, rows)] as const]);
}

/** The same outputs, with an input `input_delta` added to the embeddings that enter the first layer. */
export function withInputDelta<K extends string>(
  outputs: Readonly<Record<K, Value>>,
  { hiddenStates }: ForwardGraph,
  family: string,
): { readonly outputs: Record<K, Value>; readonly delta: Value } {
  const states = hiddenStates.encoder_hidden_states ?? hiddenStates.hidden_states;
  const embeddings = states?.[0];
  check(
    embeddings !== undefined,
    "unsupported",
    () => `forward: inputGradients: this ${family} has no embeddings that can be read; leave it out`,
  );
  const delta = input(INPUT_DELTA, "float32", (embeddings as Value).shape);
  return { outputs: replaceIn(outputs, embeddings as Value, add(embeddings as Value, delta)), delta };
}

/** The feeds of the probes that a call asks for. */
export function probeFeeds(
  { inputIds, decoderInputIds }: ForwardInputs,
  { layerLogits, inputGradients, headMask }: ForwardOptions,
  { hiddenStates }: ForwardGraph,
): Record<string, HostTensor> {
  const width = (decoderInputIds ?? inputIds)[0]?.length ?? 0;
  const feeds: Record<string, HostTensor> = {};
  if (layerLogits) {
    const rows = inputIds.flatMap((_, row) => layerLogits.map((at) => BigInt(row * width + at)));
    feeds[LENS_ROWS] = { dtype: "int64", shape: [rows.length], data: BigInt64Array.from(rows) };
  }
  if (inputGradients) {
    const states = hiddenStates.encoder_hidden_states ?? hiddenStates.hidden_states;
    const shape = [inputIds.length, inputIds[0]?.length ?? 0, Number(states?.[0]?.shape.at(-1))];
    const size = shape.reduce((product, length) => product * length, 1);
    feeds[INPUT_DELTA] = { dtype: "float32", shape, data: new Float32Array(size) };
  }
  for (const [layer, heads] of (headMask ?? []).entries())
    feeds[`head_mask.${layer}`] = {
      dtype: "float32",
      shape: [1, heads.length, 1, 1],
      data: Float32Array.from(heads),
    };
  return feeds;
}

/** Refuses probes that do not fit the rows or the model. */
export function checkProbes(
  { inputIds, decoderInputIds, labels, startPositions }: ForwardInputs,
  { layerLogits, inputGradients, headMask }: ForwardOptions,
  { kind, family, config }: Architecture,
): void {
  const width = (decoderInputIds ?? inputIds)[0]?.length ?? 0;
  const outside = layerLogits?.find((at) => at >= width);
  check(
    outside === undefined,
    "usage",
    () => `forward: layerLogits: position ${outside} is outside the ${width} tokens; give 0 to ${width - 1}`,
  );
  check(
    !inputGradients || labels !== undefined || startPositions !== undefined,
    "usage",
    () => "forward: inputGradients are of the loss, which needs labels",
  );
  if (headMask === undefined) return;
  if (!traitsOf(kind).masksHeads || !("numAttentionHeads" in config))
    throw new LecternError(
      "unsupported",
      `forward: headMask is for decoders and encoders; ${family.name} is neither: leave it out`,
    );
  if ("kept" in config && config.kept)
    throw new LecternError(
      "unsupported",
      `forward: headMask needs attention in every layer; ${family.name} has layers that keep states: leave it out`,
    );
  const { numHiddenLayers, numAttentionHeads } = config;
  const fits = headMask.length === numHiddenLayers && headMask.every((heads) => heads.length === numAttentionHeads);
  check(
    fits,
    "shape",
    () =>
      `forward: headMask must be ${numHiddenLayers} rows, one for each layer, of ${numAttentionHeads} numbers, one for each head`,
  );
}
