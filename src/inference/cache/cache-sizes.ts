import type { StateShape } from "../../nn/index.ts";

export interface CacheSizes {
  /** The layers that keep keys and values. */
  readonly layers: number;
  readonly heads: number;
  readonly headSize: number;
  /** The states of layers beside keys and values; default none. */
  readonly states?: readonly StateShape[];
}

/** The use of cache tensors: fed, fed once for all rows, or returned. */
export type CacheSide = "past" | "shared" | "present";

/** The name of the i-th cache tensor, keys, then values, of each layer: for a use, or of the encoder. */
export function cacheName(side: CacheSide | "cross", i: number): string {
  return `${side}.${i >> 1}.${i % 2 === 0 ? "key" : "value"}`;
}

/** The unit of slots in which a cache grows: what a step reads grows with the text, not with the context window. */
const GROWTH = 64;
/** The least factor by which it grows where nobody knows how long the texts will be. */
const LEAST_GROWTH = 1.25;
/**
 * The number of slots that it has beyond those needed, at most, where its texts are planned to be longer. Each growth copies all
 * rows; room that is not written takes no memory.
 */
const AHEAD = 1024;

const wholeGroups = (slots: number): number => Math.ceil(slots / GROWTH) * GROWTH;

/** The number of slots that a row of so many tokens takes at most. */
export function mostSlots(length: number): number {
  return wholeGroups(length * LEAST_GROWTH);
}

/**
 * The number of slots that a row gets.
 * @param needed the number that it must have
 * @param planned the number that it will need at most, as far as is known; 0 where it is not
 * @param before the number that it had
 */
export function slotsFor(needed: number, planned: number, before: number): number {
  const most = needed <= planned ? Math.min(planned, needed + AHEAD) : 0;
  return wholeGroups(Math.max(needed, most || before * LEAST_GROWTH));
}
