/** The square root of the sum of all squares of several gradients. */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let sum = 0;
  for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) sum += (gradient[i] as number) ** 2;
  return Math.sqrt(sum);
}

/** Scales gradients in place so that their global norm is at most `limit`; returns the norm before. As torch does. */
export function clipGlobalNorm(gradients: readonly Float32Array[], limit: number): number {
  const norm = globalNorm(gradients);
  const factor = limit / (norm + 1e-6);
  if (factor < 1)
    for (const gradient of gradients)
      for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i] as number) * factor;
  return norm;
}
