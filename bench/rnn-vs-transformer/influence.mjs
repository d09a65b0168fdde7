/** How much a token some steps back changes what is predicted next. */
import { loadModel } from "../../dist/index.js";
import { mean } from "./models.mjs";

export const DISTANCES = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const WINDOWS = 32;
const LENGTH = 257;

/**
 * Reads windows of the held-out books, once as they are and once for each distance with another token in that place,
 * which is taken from elsewhere in the books; distance 1 is the last token read. Yields the median and the mean
 * Kullback–Leibler divergence, in bits, of the prediction at the end.
 */
export async function measureInfluence(directory, { ids }) {
  const model = await loadModel(directory, { threads: 1 });
  const stride = Math.floor((ids.length - LENGTH) / WINDOWS);
  const bits = DISTANCES.map(() => []);
  for (let i = 0; i < WINDOWS; i++) {
    const row = [...ids.subarray(i * stride, i * stride + LENGTH)];
    const other = ids[(i * stride + (ids.length >> 1)) % ids.length];
    const changed = DISTANCES.map((distance) => row.with(LENGTH - distance, other));
    const { logits } = await model.forward({ inputIds: [row, ...changed] });
    const last = [row, ...changed].map((_, r) => logProbabilities(logits, r));
    for (const d of DISTANCES.keys())
      if (row[LENGTH - DISTANCES[d]] !== other) bits[d].push(divergence(last[0], last[d + 1]));
  }
  await model.dispose();
  return DISTANCES.map((distance, d) => ({
    distance,
    mean: mean(bits[d]),
    median: bits[d].toSorted((a, b) => a - b)[bits[d].length >> 1],
  }));
}

/** Of the last position of a row. */
function logProbabilities({ data, shape: [, length, size] }, row) {
  const from = (row * length + length - 1) * size;
  const logits = data.subarray(from, from + size);
  const most = logits.reduce((a, b) => Math.max(a, b));
  const total = most + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return logits.map((x) => x - total);
}

function divergence(a, b) {
  return a.reduce((sum, x, i) => sum + Math.exp(x) * (x - b[i]), 0) / Math.LN2;
}
