import { mul, type Value } from "../graph/index.ts";
import { type DropoutMask, dropoutMask } from "../nn/index.ts";

/** Applies dropout to a value, by a mask that is added to the others. */
export function applyDropout(prefix: string, x: Value, rate: number, masks: DropoutMask[]): Value {
  const mask = dropoutMask(prefix, x.shape, rate, masks);
  return mask ? mul(x, mask) : x;
}
