import { mul, type Value } from "../graph/index.ts";
import { type DropoutMask, keepMask } from "../nn/index.ts";

/** Drops a share of the entries of a value, by a mask that is added to the others. */
export function dropShare(prefix: string, x: Value, share: number, masks: DropoutMask[]): Value {
  const keep = keepMask(prefix, x.shape, share, masks);
  return keep ? mul(x, keep) : x;
}
