import { check } from "../../common/index.ts";
import { totalMemory } from "../../runtime/index.ts";

/** The precisions that take less memory than another. */
const smaller = { float32: "int8 or int4", int8: "int4", int4: undefined } as const;

/**
 * Refuses weights that no memory of this machine, or of the group that limits the process, holds.
 *
 * @param bytes that the engine holds whatever it computes
 * @throws code `engine`, before anything is allocated
 */
export function checkMemory(bytes: number, precision: keyof typeof smaller, limit = totalMemory()): void {
  const gigabytes = (count: number): string => `${(count / 2 ** 30).toFixed(1)} GB`;
  const remedy = smaller[precision];
  check(
    bytes <= limit,
    "engine",
    () =>
      `the model is too large: in ${precision} its weights take ${gigabytes(bytes)} of memory, there are ${gigabytes(limit)}, ${gigabytes(bytes - limit)} too few; ${remedy ? `load it with precision ${remedy}, or take` : "take"} a smaller model or a larger machine`,
  );
}
