import { LecternError } from "../common/index.ts";
import type { Architecture } from "../families/index.ts";
import type { GenerationOptions, Sequence } from "../generation/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { ForwardResult } from "./forward.ts";
import { runtimeOf } from "./kinds/index.ts";

/** Parts of a sequence's result that show what lay inside the model at each step. */
export type StepActivations = Pick<
  Sequence,
  | "hiddenStates"
  | "attentions"
  | "decoderHiddenStates"
  | "decoderAttentions"
  | "crossAttentions"
  | "encoderHiddenStates"
  | "encoderAttentions"
>;

/**
 * Cuts a pass over prompt and new tokens into steps: the first has the prompt's rows, each later one a single row.
 * @param promptLength of what the decoder began with
 */
export function stepActivations(pass: ForwardResult, promptLength: number): StepActivations {
  const rows = pass.hiddenStates ?? pass.decoderHiddenStates ?? pass.attentions ?? pass.decoderAttentions ?? [];
  const axis = (pass.hiddenStates ?? pass.decoderHiddenStates) ? 1 : 2;
  const count = (rows[0]?.shape[axis] ?? promptLength) - promptLength + 1;
  const cut = (tensors: readonly HostTensor<"float32">[] | undefined, of: "states" | "own" | "across") =>
    tensors &&
    Array.from({ length: count }, (_, step) => {
      const [from, to] = step === 0 ? [0, promptLength] : [promptLength + step - 1, promptLength + step];
      return tensors.map((tensor) =>
        of === "states" ? slice(tensor, 1, from, to) : slice(slice(tensor, 2, from, to), 3, 0, of === "own" ? to : -1),
      );
    });
  const parts = {
    hiddenStates: cut(pass.hiddenStates, "states"),
    attentions: cut(pass.attentions, "own"),
    decoderHiddenStates: cut(pass.decoderHiddenStates, "states"),
    decoderAttentions: cut(pass.decoderAttentions, "own"),
    crossAttentions: cut(pass.crossAttentions, "across"),
    encoderHiddenStates: pass.encoderHiddenStates,
    encoderAttentions: pass.encoderAttentions,
  };
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined)) as StepActivations;
}

/** Entries from … to of an axis; −1: to its end. */
function slice(tensor: HostTensor<"float32">, axis: number, from: number, to: number): HostTensor<"float32"> {
  const { shape, data } = tensor;
  const size = shape[axis] as number;
  const end = to === -1 ? size : to;
  const inner = shape.slice(axis + 1).reduce((product, n) => product * n, 1);
  const outer = shape.slice(0, axis).reduce((product, n) => product * n, 1);
  const cut = new Float32Array(outer * (end - from) * inner);
  for (let i = 0; i < outer; i++)
    cut.set(data.subarray((i * size + from) * inner, (i * size + end) * inner), i * (end - from) * inner);
  return { dtype: "float32", shape: shape.map((n, i) => (i === axis ? end - from : n)), data: cut };
}

/** Refuses activations of steps that a model does not have. */
export function checkStepActivations(
  architecture: Architecture,
  { outputAttentions, outputHiddenStates }: GenerationOptions,
): void {
  if (!outputAttentions && !outputHiddenStates) return;
  const { forward, generation } = runtimeOf(architecture);
  const { name } = architecture.family;
  const inside = outputAttentions ? "outputAttentions" : "outputHiddenStates";
  if (!generation?.hasStepActivations)
    throw new LecternError(
      "unsupported",
      `generation: ${inside}: a ${name} keeps nothing of the kind by step; leave it out, and use forward for hidden states`,
    );
  if (outputAttentions && forward.lacks.attentions)
    throw new LecternError(
      "unsupported",
      `generation: outputAttentions: a ${name} has no ${forward.lacks.attentions}; leave it out`,
    );
}
