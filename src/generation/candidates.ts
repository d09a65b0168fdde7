import { softmax } from "../tensor/index.ts";
import { NEVER } from "./option-processor.ts";

/** The tokens that may come, by rising id: after the first filter they are few, and a vocabulary is long. */
export interface Candidates {
  readonly ids: Uint32Array;
  readonly scores: Float32Array;
  readonly probabilities: Float64Array;
}

/** The bits of −∞. */
const [NEVER_BITS = 0] = new Int32Array(Float32Array.of(NEVER).buffer);

/** Memory for one set of candidates, which is made at every step. */
let memory = memoryFor(0);

function memoryFor(length: number): Candidates {
  return {
    ids: new Uint32Array(length),
    scores: new Float32Array(length),
    probabilities: new Float64Array(length),
  };
}

/** The candidates of scores `[V]`. They are valid until the next call. */
export function candidatesOf(scores: Float32Array): Candidates {
  if (memory.ids.length < scores.length) memory = memoryFor(scores.length);
  const { ids } = memory;
  const bits = new Int32Array(scores.buffer, scores.byteOffset, scores.length);
  let count = 0;
  for (let id = 0; id < bits.length; id++) if (bits[id] !== NEVER_BITS) ids[count++] = id;
  const own = memory.scores.subarray(0, count);
  for (let i = 0; i < count; i++) own[i] = scores[ids[i] as number] as number;
  return {
    ids: ids.subarray(0, count),
    scores: own,
    probabilities: softmax(own, memory.probabilities.subarray(0, count)),
  };
}

/** The indices of the highest values, falling; the lower index first among equals. For a count much below their number. */
export function highest(values: ArrayLike<number>, count: number): number[] {
  const best: number[] = [];
  let least = NEVER;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (best.length === count && !(value > least)) continue;
    let at = best.length;
    while (at > 0 && value > (values[best[at - 1] as number] as number)) at--;
    best.splice(at, 0, i);
    if (best.length > count) best.pop();
    if (best.length === count) least = values[best[count - 1] as number] as number;
  }
  return best;
}
