import { throwIfAborted } from "../common/index.ts";
import { padRows, type Tokenizer } from "../tokenizers/index.ts";
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
  /** Cancels the computation. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many rows are done. */
  readonly onDone?: ((done: number) => void) | undefined;
  /** Additional results of each pass. */
  readonly forward?: ForwardOptions;
}

/** Makes of a row what is wanted. @param index which of all rows it is */
export type Reading<R> = (result: ForwardResult, place: TokenPosition, index: number) => R;

/** The position of a row in a pass. */
export interface TokenPosition {
  readonly row: number;
  /** Its first token. */
  readonly at: number;
}

/** A loaded model, which computes passes. */
interface Computing {
  readonly tokenizer: Tokenizer | undefined;
  readonly isEncoder: boolean;
  forward(inputs: ForwardInputs, options?: ForwardOptions): Promise<ForwardResult>;
}

const DEFAULT_BATCH_SIZE = 32;

/** The overhead of a pass, in tokens that could be computed meanwhile; measured with MiniLM on two cores. */
const PASS_COST = 8;

/**
 * Cuts rows into batches of like length, so that padding costs as little as it can: of all ways to cut the rows in
 * the order of their length, the one with the smallest Σ (rows × longest + a pass's own cost). Where rows can be
 * computed side by side, they take fewer, and more of them go into a pass.
 * @returns indices into `lengths`, the shortest first
 */
export function batchesByLength(
  lengths: readonly number[],
  batchSize: number = DEFAULT_BATCH_SIZE,
  sideBySide = false,
): number[][] {
  const order = [...lengths.keys()].sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b);
  const costs = [0];
  const cuts = [0];
  for (let end = 1; end <= order.length; end++) {
    const longest = lengths[order[end - 1] as number] as number;
    let [least, cut] = [Number.POSITIVE_INFINITY, end - 1];
    let tokens = 0;
    for (let start = end - 1; start >= Math.max(0, end - batchSize); start--) {
      tokens += lengths[order[start] as number] as number;
      const rows = sideBySide ? Math.ceil(tokens / Math.max(1, longest)) : end - start;
      const cost = (costs[start] as number) + PASS_COST + rows * longest;
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

const widthOf = (rows: readonly Row[]): number => Math.max(0, ...rows.map(({ ids }) => ids.length));

/** Rows filled up on the right to one length. */
export function padInputs(rows: readonly Row[], padTokenId: number): ForwardInputs {
  const [ids, typeIds] = [rows.map((row) => row.ids), rows.map((row) => row.typeIds ?? [])];
  return {
    ...padRows(ids, { padTokenId }),
    tokenTypeIds: padRows(typeIds, { padTokenId: 0, length: widthOf(rows) }).inputIds,
  };
}

/** Rows side by side in as few as hold them, none longer than the longest; each goes where the least room is left. */
export function packInputs(rows: readonly Row[], padId: number): { inputs: ForwardInputs; places: TokenPosition[] } {
  const width = widthOf(rows);
  const order = [...rows.keys()].sort((a, b) => (rows[b] as Row).ids.length - (rows[a] as Row).ids.length || a - b);
  const packed: { ids: number[]; typeIds: number[]; texts: number[] }[] = [];
  const places: TokenPosition[] = new Array(rows.length);
  for (const index of order) {
    const { ids, typeIds = new Array<number>(ids.length).fill(0) } = rows[index] as Row;
    const fitting = packed.filter((row) => row.ids.length + ids.length <= width);
    let target = fitting.toSorted((a, b) => b.ids.length - a.ids.length)[0];
    if (!target) packed.push((target = { ids: [], typeIds: [], texts: [] }));
    places[index] = { row: packed.indexOf(target), at: target.ids.length };
    const text = (target.texts.at(-1) ?? -1) + 1;
    target.ids.push(...ids);
    target.typeIds.push(...typeIds);
    target.texts.push(...new Array<number>(ids.length).fill(text));
  }
  const texts = padRows(
    packed.map((row) => row.texts),
    { padTokenId: -1, length: width },
  ).inputIds;
  return { inputs: { ...padInputs(packed, padId), texts }, places };
}

/**
 * Passes all rows through a model, batched by length, and gives what `read` makes of each, in the order of the rows.
 * Where that is made of the states of a row's own tokens alone, an encoder computes several rows side by side in one,
 * each seeing itself alone, so that next to nothing is padding.
 */
export async function forwardRows<R>(
  model: Computing,
  rows: readonly Row[],
  { batchSize, signal, onDone, forward }: BatchRunOptions,
  read: Reading<R>,
  { ofTokens = false }: { readonly ofTokens?: boolean } = {},
): Promise<R[]> {
  const results = new Array<R>(rows.length);
  const lengths = rows.map(({ ids }) => ids.length);
  const sideBySide = ofTokens && model.isEncoder;
  const padId = model.tokenizer?.padId ?? 0;
  const batches = batchesByLength(lengths, batchSize, sideBySide);
  const begin = (at: number) => {
    const batch = batches[at];
    if (!batch) return undefined;
    const own = batch.map((index) => rows[index] as Row);
    const { inputs, places } = sideBySide
      ? packInputs(own, padId)
      : { inputs: padInputs(own, padId), places: own.map((_, row) => ({ row, at: 0 })) };
    const pass = model.forward(inputs, forward);
    pass.catch(() => {}); // whoever takes it hears of it
    return { pass, places };
  };
  let done = 0;
  let next = begin(0);
  for (const [at, batch] of batches.entries()) {
    throwIfAborted(signal);
    const { pass, places } = next as NonNullable<typeof next>;
    next = begin(at + 1); // so that its worker need not wait while results are read
    const result = await pass;
    for (const [i, index] of batch.entries()) results[index] = read(result, places[i] as TokenPosition, index);
    onDone?.((done += batch.length));
  }
  return results;
}
