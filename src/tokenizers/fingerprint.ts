const encoder = new TextEncoder();

/** A hash of tokens in the order of their ids: FNV-1a over their bytes, once from either of two seeds. */
export function fingerprint(tokens: readonly string[]): string {
  let [high, low] = [0x811c9dc5, 0x01000193];
  for (const token of tokens) {
    for (const byte of encoder.encode(token)) {
      high = Math.imul(high ^ byte, 0x01000193);
      low = Math.imul(low ^ byte, 0x01000193);
    }
    high = Math.imul(high ^ 0x100, 0x01000193);
    low = Math.imul(low ^ 0x1ff, 0x01000193);
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
