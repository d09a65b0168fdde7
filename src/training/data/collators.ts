import type { Random } from "../../common/index.ts";
import { IGNORED_LABEL } from "../../graph/index.ts";

export { type PaddingOptions, padRows } from "../../tokenizers/index.ts";

/** The treatment of a chosen token: BERT's 80, 10 and 10 %. */
export type Masking = "mask" | "random" | "keep";

/** Options of masked language modelling. */
export interface MaskingOptions {
  /** The id of the mask token. */
  readonly maskTokenId: number;
  /** The number of ids from which random tokens are drawn. */
  readonly vocabularySize: number;
  /** The share of tokens that are chosen; default 0.15. */
  readonly share?: number;
  /** True if a token goes on with the word before it: then a word is chosen whole or not at all. */
  readonly continues?: (id: number) => boolean;
}

/** Replaces chosen tokens; the label of a chosen one is itself, of the others −100. */
export function applyMasks(
  ids: readonly number[],
  choice: ReadonlyMap<number, Masking>,
  maskTokenId: number,
  randomIds: ReadonlyMap<number, number>,
): { inputIds: number[]; labels: number[] } {
  const replace = (id: number, at: number): number => {
    const what = choice.get(at);
    if (what === "mask") return maskTokenId;
    return what === "random" ? (randomIds.get(at) as number) : id;
  };
  return { inputIds: ids.map(replace), labels: ids.map((id, at) => (choice.has(at) ? id : IGNORED_LABEL)) };
}

/**
 * Masks tokens anew each time a row is seen (Devlin et al., 2018; dynamic: Liu et al., 2019); at least one, so that
 * short rows teach something too.
 * @param isSpecial tokens that are never chosen
 */
export function maskTokens(
  ids: readonly number[],
  isSpecial: (id: number) => boolean,
  options: MaskingOptions,
  random: Random,
): { inputIds: number[]; labels: number[] } {
  const { maskTokenId, vocabularySize, share = 0.15, continues } = options;
  const choice = new Map<number, Masking>();
  const randomIds = new Map<number, number>();
  const all = words(ids, isSpecial, continues);
  const chosen = all.filter(() => random.next() < share);
  if (chosen.length === 0 && all.length > 0) chosen.push(all[random.nextInt(all.length)] as number[]);
  for (const word of chosen) {
    for (const at of word) {
      const dice = random.next();
      choice.set(at, dice < 0.8 ? "mask" : dice < 0.9 ? "random" : "keep");
      if (choice.get(at) === "random") randomIds.set(at, random.nextInt(vocabularySize));
    }
  }
  return applyMasks(ids, choice, maskTokenId, randomIds);
}

/** The places of tokens that are chosen together. */
function words(
  ids: readonly number[],
  isSpecial: (id: number) => boolean,
  continues: ((id: number) => boolean) | undefined,
): number[][] {
  const found: number[][] = [];
  for (const [at, id] of ids.entries()) {
    if (isSpecial(id)) continue;
    const last = found.at(-1);
    if (continues?.(id) && last?.at(-1) === at - 1) last.push(at);
    else found.push([at]);
  }
  return found;
}

/** The start and the number of its tokens. */
export type Span = readonly [start: number, length: number];

/**
 * T5's objective: each span becomes one sentinel, counting down; labels list sentinel and span in turn, then a last
 * sentinel (Raffel et al., 2020).
 */
export function corruptSpans(
  ids: readonly number[],
  spans: readonly Span[],
  { firstSentinelId, eosTokenId }: { readonly firstSentinelId: number; readonly eosTokenId: number },
): { inputIds: number[]; labels: number[] } {
  const inputIds: number[] = [];
  const labels: number[] = [];
  let at = 0;
  for (const [i, [start, length]] of spans.entries()) {
    inputIds.push(...ids.slice(at, start), firstSentinelId - i);
    labels.push(firstSentinelId - i, ...ids.slice(start, start + length));
    at = start + length;
  }
  inputIds.push(...ids.slice(at), eosTokenId);
  labels.push(firstSentinelId - spans.length, eosTokenId);
  return { inputIds, labels };
}

/** The fraction of a row that is corrupted, and the mean length of its spans. */
export interface SpanOptions {
  /** The fraction of tokens that are masked. */
  readonly density?: number;
  /** The mean length of a span in tokens. */
  readonly meanLength?: number;
}

/**
 * Spans of about `meanLength` tokens that together are `density` of a row, never side by side: as T5 draws them, the
 * noise and the rest are both cut into as many parts at random.
 */
export function drawSpans(length: number, options: SpanOptions, random: Random): Span[] {
  if (length < 2) return [];
  const { noise, count } = spanSizes(length, options);
  const [noisy, kept] = [segments(noise, count, random), segments(length - noise, count, random)];
  let at = 0;
  return noisy.map((size, i) => {
    const start = at + (kept[i] as number);
    at = start + size;
    return [start, size] as const;
  });
}

/** The number of tokens of a row that are corrupted, and of their spans. */
export function spanSizes(
  length: number,
  { density = 0.15, meanLength = 3 }: SpanOptions,
): { readonly noise: number; readonly count: number } {
  const noise = Math.min(length - 1, Math.max(1, Math.round(length * density)));
  return { noise, count: Math.max(1, Math.min(Math.round(noise / meanLength), noise, length - noise)) };
}

/** A number cut into parts of at least 1, at random. */
function segments(total: number, count: number, random: Random): number[] {
  const cuts = random.shuffle(Array.from({ length: total - 1 }, (_, i) => i + 1)).slice(0, count - 1);
  const ends = [...cuts.sort((a, b) => a - b), total];
  return ends.map((end, i) => end - (ends[i - 1] ?? 0));
}

/** BART's objective: each span becomes one mask, a span of length 0 inserts one (Lewis et al., 2020). */
export function infillText(ids: readonly number[], spans: readonly Span[], maskTokenId: number): number[] {
  const out: number[] = [];
  let at = 0;
  for (const [start, length] of spans) {
    out.push(...ids.slice(at, start), maskTokenId);
    at = start + length;
  }
  return [...out, ...ids.slice(at)];
}

/** Spans whose lengths are Poisson's, that together are `density` of a row; some are of length 0. */
export function drawInfillings(
  length: number,
  { density = 0.3, meanLength = 3 }: { readonly density?: number; readonly meanLength?: number },
  random: Random,
): Span[] {
  const sizes: number[] = [];
  for (let left = Math.round(length * density); left > 0 && sizes.length < length; ) {
    const size = Math.min(left, poisson(meanLength, random));
    sizes.push(size);
    left -= Math.max(1, size);
  }
  const room = length - sizes.reduce((sum, size) => sum + size, 0);
  const gaps = Array.from({ length: sizes.length }, () => random.nextInt(room + 1)).sort((a, b) => a - b);
  let shift = 0;
  return sizes.map((size, i) => {
    const start = (gaps[i] as number) + shift;
    shift += size;
    return [start, size] as const;
  });
}

/** A number of Poisson's distribution (Knuth). */
function poisson(mean: number, random: Random): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random.next(); product > limit; product *= random.next()) count++;
  return count;
}

/** Sentences in another order, between the row's first and last token. */
export function permuteSentences(
  [first, last]: readonly [first: number, last: number],
  sentences: readonly (readonly number[])[],
  order: readonly number[],
): number[] {
  return [first, ...order.flatMap((i) => sentences[i] as readonly number[]), last];
}

/** The decoder's input of an encoder–decoder for given labels: its start token, then all but the last. */
export function shiftRight(
  labels: readonly (readonly number[])[],
  { padTokenId, decoderStartTokenId }: { readonly padTokenId: number; readonly decoderStartTokenId: number },
): number[][] {
  return labels.map((row) => [
    decoderStartTokenId,
    ...row.slice(0, -1).map((id) => (id === IGNORED_LABEL ? padTokenId : id)),
  ]);
}

/** All rows one after the other, cut into blocks of one length; a last piece that is shorter is dropped. */
export function packRows(rows: readonly (readonly number[])[], length: number): number[][] {
  const all = rows.flat();
  return Array.from({ length: Math.floor(all.length / length) }, (_, i) => all.slice(i * length, (i + 1) * length));
}

/** A prompt and its completion as one row, of which only the completion is learned. */
export function completionOnly(
  prompt: readonly number[],
  completion: readonly number[],
): { inputIds: number[]; labels: number[] } {
  return { inputIds: [...prompt, ...completion], labels: [...prompt.map(() => IGNORED_LABEL), ...completion] };
}
