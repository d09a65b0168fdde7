/**
 * Multiplies each block of values by the Hadamard matrix H `[block, block]` with entries ±1 / √block, in place. H is symmetric and
 * its own inverse: multiplied twice, the values are what they were.
 *
 * @param values whole blocks, one after the other
 * @param block a power of two
 */
export function multiplyHadamard(values: Float32Array, block: number): void {
  const share = 1 / Math.sqrt(block);
  for (let half = 1; half < block; half *= 2) {
    const factor = half === 1 ? share : 1;
    for (let from = 0; from < values.length; from += 2 * half)
      for (let i = from; i < from + half; i++) {
        const [a, b] = [factor * (values[i] as number), factor * (values[i + half] as number)];
        values[i] = a + b;
        values[i + half] = a - b;
      }
  }
}
