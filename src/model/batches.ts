import { throwIfAborted } from "../common/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { ForwardInputs, ForwardOptions, ForwardResult } from "./forward.ts";

/** One row of tokens. */
export interface Row {
  readonly ids: readonly number[];
  /** The segment of each token; default all 0. */
  readonly typeIds?: readonly number[];
}

export interface BatchRunOptions {
  /** Rows of a batch at most; default 32. */
  readonly batchSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told how many rows are done. */
  readonly onDone?: ((done: number) => void) | undefined;
  /** What else each pass shall yield. */
  readonly forward?: ForwardOptions;
}

/** What computes passes: a loaded model. */
interface Computing {
  readonly tokenizer: Tokenizer | undefined;
  forward(inputs: ForwardInputs, options?: ForwardOptions): Promise<ForwardResult>;
}

const DEFAULT_BATCH_SIZE = 32;

/** What beginning a pass costs, in tokens that could be computed meanwhile; measured with MiniLM on two cores. */
const PASS_COST = 8;

/**
 * Cuts rows into batches of like length, so that padding costs as little as it can: of all ways to cut the rows in
 * the order of their length, the one with the smallest Σ (rows × longest + a pass's own cost).
 * @returns indices into `lengths`, the shortest first
 */
export function batchesByLength(lengths: readonly number[], batchSize: number = DEFAULT_BATCH_SIZE): number[][] {
  const order = [...lengths.keys()].sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b);
  const costs = [0];
  const cuts = [0];
  for (let end = 1; end <= order.length; end++) {
    const longest = lengths[order[end - 1] as number] as number;
    let [least, cut] = [Number.POSITIVE_INFINITY, end - 1];
    for (let start = end - 1; start >= Math.max(0, end - batchSize); start--) {
      const cost = (costs[start] as number) + PASS_COST + (end - start) * longest;
      if (cost <= least) [least, cut] = [cost, start];
    }
    costs.push(least);
    cuts.push(cut);
  }
  const batches: number[][] = [];
  for (let end = order.length; end > 0; end = cuts[end] as number)
    batches.unshift(order.slice(cuts[end] as number, end));
  return batches;
}

/** Rows filled up on the right to one length. */
export function padRows(rows: readonly Row[], padId: number): ForwardInputs {
  const width = Math.max(0, ...rows.map(({ ids }) => ids.length));
  const fill = (row: readonly number[], value: number): number[] => [
    ...row,
    ...new Array<number>(width - row.length).fill(value),
  ];
  return {
    inputIds: rows.map(({ ids }) => fill(ids, padId)),
    attentionMask: rows.map(({ ids }) => fill(new Array<number>(ids.length).fill(1), 0)),
    tokenTypeIds: rows.map(({ ids, typeIds }) => fill(typeIds ?? new Array<number>(ids.length).fill(0), 0)),
  };
}

/**
 * Passes all rows through a model, batched by length, and gives what `read` makes of each, in the order of the rows.
 * @param read gets a batch's result, which row of it, and which of all rows it is
 */
export async function forwardRows<R>(
  model: Computing,
  rows: readonly Row[],
  { batchSize, signal, onDone, forward }: BatchRunOptions,
  read: (result: ForwardResult, row: number, index: number) => R,
): Promise<R[]> {
  const results = new Array<R>(rows.length);
  const lengths = rows.map(({ ids }) => ids.length);
  const batches = batchesByLength(lengths, batchSize);
  const begin = (at: number): Promise<ForwardResult> | undefined => {
    const batch = batches[at];
    if (!batch) return undefined;
    const inputs = padRows(
      batch.map((index) => rows[index] as Row),
      model.tokenizer?.padId ?? 0,
    );
    const pass = model.forward(inputs, forward);
    pass.catch(() => {}); // whoever takes it hears of it
    return pass;
  };
  let done = 0;
  let next = begin(0);
  for (const [at, batch] of batches.entries()) {
    throwIfAborted(signal);
    const pass = next;
    next = begin(at + 1); // so that its worker need not wait while results are read
    const result = (await pass) as ForwardResult;
    for (const [row, index] of batch.entries()) results[index] = read(result, row, index);
    onDone?.((done += batch.length));
  }
  return results;
}
