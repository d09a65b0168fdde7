/** The cosine schedule with warm-up. */
export interface CosineSchedule {
  /** The highest rate. */
  readonly rate: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
  /** The rate at the end, as a share of the highest; default 0, as transformers' `cosine`. */
  readonly minRatio?: number;
}

/**
 * The rate of a step, counted from 0: rising in a line from 0 over the warm-up, then half a cosine down.
 * @see Loshchilov and Hutter, "SGDR" (2017); transformers' `get_cosine_schedule_with_warmup`
 */
export function cosineRate({ rate, warmupSteps, totalSteps, minRatio = 0 }: CosineSchedule, step: number): number {
  if (step < warmupSteps) return (rate * step) / Math.max(1, warmupSteps);
  const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  const cosine = 0.5 * (1 + Math.cos(Math.PI * progress));
  return rate * Math.max(0, minRatio + (1 - minRatio) * cosine);
}
