import type { Value } from "../graph/index.ts";

/** The shape of what a layer keeps of all tokens so far: the window of a convolution, or a recurrent state. */
export interface StateShape {
  /** The shape of one row's. */
  readonly shape: readonly number[];
  /** The number that it is filled with at the beginning of a text. */
  readonly first: number;
}

/** A state of a layer in a graph. */
export interface KeptState extends StateShape {
  /** `[B, …shape]`, after the tokens of this pass. */
  readonly after: Value;
}

/** The name of the i-th state of a graph: fed, or returned. */
export function stateName(side: "past" | "present", i: number): string {
  return `${side}_state.${i}`;
}
