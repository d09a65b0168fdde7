import { LecternError, throwIfAborted } from "../common/index.ts";
import { type AdamWOptions, adamW, type Moments } from "./adamw.ts";
import { clipGlobalNorm } from "./clip.ts";
import type { Batch, Parameters, StepGraph } from "./step-graph.ts";

/** All that a step changes; what a checkpoint holds. */
export interface TrainingState {
  readonly parameters: Parameters;
  readonly moments: Record<string, Moments>;
  /** Steps taken. */
  step: number;
}

export interface StepOptions extends AdamWOptions {
  readonly rate: number;
  /** The largest global norm of the gradients. */
  readonly clip: number;
}

export function startState(parameters: Parameters): TrainingState {
  const moments = Object.entries(parameters).map(([name, { data }]) => {
    return [name, { first: new Float32Array(data.length), second: new Float32Array(data.length) }] as const;
  });
  return { parameters, moments: Object.fromEntries(moments), step: 0 };
}

/** Norms and biases, the parameters of one axis, are not decayed. */
function decayOf(name: string, state: TrainingState, weightDecay: number): number {
  return (state.parameters[name]?.shape.length ?? 0) > 1 ? weightDecay : 0;
}

/**
 * One optimizer step over one or several batches, whose gradients are added with the given shares
 * (1 / count for a mean of means; labels in the batch / labels in all for a mean over tokens).
 * @returns the weighted loss, and the norm of the gradients before clipping
 */
export async function trainStep(
  graph: StepGraph,
  state: TrainingState,
  batches: readonly { readonly batch: Batch; readonly share: number }[],
  options: StepOptions & { readonly signal?: AbortSignal | undefined },
): Promise<{ loss: number; norm: number }> {
  let loss = 0;
  let total: Record<string, Float32Array> = {};
  for (const { batch, share } of batches) {
    throwIfAborted(options.signal);
    const result = await graph.run(state.parameters, batch);
    loss += result.loss * share;
    total = batches.length === 1 ? result.gradients : accumulate(total, result.gradients, share);
  }
  const norm = clipGlobalNorm(Object.values(total), options.clip);
  if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
    throw new LecternError(
      "numeric",
      `step ${state.step}: loss ${loss}, gradient norm ${norm}; the learning rate ${options.rate} is likely too high. The last checkpoint is kept`,
    );
  }
  state.step++;
  for (const [name, gradient] of Object.entries(total)) {
    const weights = state.parameters[name]?.data as Float32Array;
    const weightDecay = decayOf(name, state, options.weightDecay ?? 0.01);
    adamW(weights, gradient, state.moments[name] as Moments, { ...options, weightDecay, step: state.step });
  }
  return { loss, norm };
}

function accumulate(
  total: Record<string, Float32Array>,
  gradients: Record<string, Float32Array>,
  share: number,
): Record<string, Float32Array> {
  for (const [name, gradient] of Object.entries(gradients)) {
    const sum = total[name] ?? new Float32Array(gradient.length);
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + share * (gradient[i] as number);
    total[name] = sum;
  }
  return total;
}
