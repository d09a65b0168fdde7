import type { GgufSizes, TiledHeads } from "./architecture.ts";

/** The order of a tensor's rows: in groups of so many, the row of the file's group that stands at a row of the checkpoint's. */
export interface RowOrder {
  readonly rows: number;
  readonly from: (row: number) => number;
}

/** Rows 0, 2 … 1, 3 … of each head: llama.cpp turns neighbours, Hugging Face halves. */
export function halvesFromPairs(headRows: number): RowOrder {
  const half = headRows / 2;
  return { rows: headRows, from: (row) => (row < half ? 2 * row : 2 * (row - half) + 1) };
}

/** All queries, then all keys, then all values, as groups of queries with the key and the value that they share. */
export function fusedByHead({ heads, keyHeads, headSize }: GgufSizes): RowOrder {
  const queries = heads / keyHeads;
  return {
    rows: (heads + 2 * keyHeads) * headSize,
    from: (row) => {
      const [head, within] = [Math.floor(row / headSize), row % headSize];
      const [group, place] = [Math.floor(head / (queries + 2)), head % (queries + 2)];
      const isQuery = place < queries;
      const stored = isQuery ? group * queries + place : heads + (place - queries) * keyHeads + group;
      return stored * headSize + within;
    },
  };
}

/** The value heads of each key head together, which the file has as the first of every key head, then the second, and so on. */
export function untiled(kind: Exclude<TiledHeads, "columns">, setting: (key: string) => number): RowOrder | undefined {
  const [keyHeads, heads] = [setting("ssm.group_count"), setting("ssm.time_step_rank")];
  if (keyHeads === heads) return undefined;
  const size = kind === "one-row" ? 1 : setting("ssm.inner_size") / heads;
  const first = kind === "behind-keys" ? 2 * keyHeads * setting("ssm.state_size") : 0;
  const each = heads / keyHeads;
  return {
    rows: first + heads * size,
    from: (row) => {
      if (row < first) return row;
      const [head, within] = [Math.floor((row - first) / size), (row - first) % size];
      return first + ((head % each) * keyHeads + Math.floor(head / each)) * size + within;
    },
  };
}

/** Whole groups of rows, in the checkpoint's order. */
export function inOrder(bytes: Uint8Array, rowBytes: number, order: RowOrder | undefined): Uint8Array {
  if (!order) return bytes;
  const out = new Uint8Array(bytes.length);
  for (let to = 0; to < bytes.length / rowBytes; to++) {
    const row = to % order.rows;
    const from = to - row + order.from(row);
    out.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), to * rowBytes);
  }
  return out;
}

/** Rows 0, 2 … 1, 3 … of each head, as Hugging Face has them, as 0, 1, 2, 3 …: neighbours are turned together. */
export function pairsFromHalves(values: Float32Array, rows: number, headRows: number): Float32Array {
  const out = new Float32Array(values.length);
  const [width, half] = [values.length / rows, headRows / 2];
  for (let to = 0; to < rows; to++) {
    const row = to % headRows;
    const from = to - row + (row % 2) * half + (row >> 1);
    out.set(values.subarray(from * width, (from + 1) * width), to * width);
  }
  return out;
}
