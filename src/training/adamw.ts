/** AdamW's settings; the defaults are torch's. */
export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled: the weight shrinks by rate × decay. */
  readonly weightDecay?: number;
}

/** The running moments of one parameter. */
export interface Moments {
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/**
 * One AdamW step on one parameter, in place:
 * w ← w (1 − rate · decay) − rate · m̂ / (√v̂ + ε), with m̂ and v̂ corrected for their start at zero.
 * @param step counted from 1
 * @see Loshchilov and Hutter, "Decoupled weight decay regularization" (2019)
 */
export function adamW(
  weights: Float32Array,
  gradients: Float32Array,
  { first, second }: Moments,
  {
    rate,
    step,
    beta1 = 0.9,
    beta2 = 0.999,
    epsilon = 1e-8,
    weightDecay = 0.01,
  }: AdamWOptions & { rate: number; step: number },
): void {
  const size = rate / (1 - beta1 ** step);
  const correction = Math.sqrt(1 - beta2 ** step);
  const kept = 1 - rate * weightDecay;
  const [gain1, gain2] = [1 - beta1, 1 - beta2];
  for (let i = 0; i < weights.length; i++) {
    const gradient = gradients[i] as number;
    const m = beta1 * (first[i] as number) + gain1 * gradient;
    const v = beta2 * (second[i] as number) + gain2 * gradient * gradient;
    first[i] = m;
    second[i] = v;
    weights[i] = (weights[i] as number) * kept - (size * m) / (Math.sqrt(v) / correction + epsilon);
  }
}
