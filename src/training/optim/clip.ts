/** 1: sum of magnitudes; 2: Euclidean; Infinity: the largest magnitude. */
export type NormKind = 1 | 2 | typeof Number.POSITIVE_INFINITY;

/** The norm of several gradients taken as one vector. */
export function globalNorm(gradients: Iterable<Float32Array>, kind: NormKind = 2): number {
  let sum = 0;
  for (const gradient of gradients) {
    if (kind === 2) sum += squares(gradient);
    else if (kind === 1) for (let i = 0; i < gradient.length; i++) sum += Math.abs(gradient[i] as number);
    else
      for (let i = 0; i < gradient.length; i++) {
        const size = Math.abs(gradient[i] as number);
        if (!(size <= sum)) sum = size; // NaN stays
      }
  }
  return kind === 2 ? Math.sqrt(sum) : sum;
}

/** The sum of squares, in four sums at once, which do not wait for each other. */
function squares(values: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const even = values.length & ~3;
  for (let i = 0; i < even; i += 4) {
    const [w, x, y, z] = [
      values[i] as number,
      values[i + 1] as number,
      values[i + 2] as number,
      values[i + 3] as number,
    ];
    a += w * w;
    b += x * x;
    c += y * y;
    d += z * z;
  }
  for (let i = even; i < values.length; i++) a += (values[i] as number) ** 2;
  return a + b + (c + d);
}

/** The factor that clips gradients of a norm to `limit`, as torch does. */
export function clipFactor(norm: number, limit: number): number {
  return Math.min(1, limit / (norm + 1e-6));
}

/** Scales gradients in place so that their global norm is at most `limit`; returns the norm before. */
export function clipGlobalNorm(gradients: readonly Float32Array[], limit: number, kind: NormKind = 2): number {
  const norm = globalNorm(gradients, kind);
  const factor = clipFactor(norm, limit);
  if (factor < 1)
    for (const gradient of gradients)
      for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i] as number) * factor;
  return norm;
}

/** Keeps every entry within ±limit, in place. */
export function clipValues(gradients: readonly Float32Array[], limit: number): void {
  for (const gradient of gradients)
    for (let i = 0; i < gradient.length; i++) gradient[i] = Math.min(limit, Math.max(-limit, gradient[i] as number));
}
