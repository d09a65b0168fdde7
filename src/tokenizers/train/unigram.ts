import type { WordCounts } from "./words.ts";

/** A piece and its log-probability. */
export type Piece = readonly [text: string, score: number];

export interface UnigramOptions {
  readonly vocabularySize: number;
  /** The number of its special tokens. */
  readonly reserved: number;
  readonly maxPieceLength?: number;
  /** The share of pieces that each round of pruning leaves. */
  readonly shrinkingFactor?: number;
  readonly iterations?: number;
  readonly seedSize?: number;
}

interface Word {
  readonly characters: readonly string[];
  readonly count: number;
}

/** The cost of a character that no piece covers, below the least score. */
const UNKNOWN_PENALTY = 10;

/** Pieces that are expected less often are dropped. */
const LEAST_EXPECTED = 0.5;

/**
 * A unigram language model of pieces: from all substrings that repeat, by expectation and maximisation, dropping in
 * each round those whose loss the text feels least.
 * @see Kudo, "Subword regularization" (2018); the details are those of Hugging Face's trainer
 */
export function trainUnigram(words: WordCounts, options: UnigramOptions): Piece[] {
  const { vocabularySize, shrinkingFactor = 0.75, iterations = 2, seedSize = 1_000_000 } = options;
  const rows = Array.from(words, ([word, count]): Word => ({ characters: Array.from(word), count }));
  const wanted = Math.floor((vocabularySize * 11) / 10);
  let pieces = seeds(rows, options.maxPieceLength ?? 16, seedSize);
  while (true) {
    for (let i = 0; i < iterations; i++) pieces = maximise(pieces, expect(pieces, rows));
    // The reference counts its unknown piece too.
    if (pieces.length + 1 <= wanted) break;
    pieces = prune(pieces, rows, Math.max(wanted, Math.floor((pieces.length + 1) * shrinkingFactor)) - 1);
  }
  return finish(pieces, rows, vocabularySize - options.reserved);
}

/** All characters, and the substrings that go on in more than one way, by how much text they cover. */
function seeds(rows: readonly Word[], maxLength: number, size: number): Piece[] {
  const characters = new Map<string, number>();
  const found = new Map<string, { count: number; next: string; branches: boolean }>();
  for (const { characters: row, count } of rows)
    for (let start = 0; start < row.length; start++) {
      characters.set(row[start] as string, (characters.get(row[start] as string) ?? 0) + count);
      let text = row[start] as string;
      for (let end = start + 1; end < row.length && end - start < maxLength; end++) {
        text += row[end];
        const next = row[end + 1] ?? "";
        const seen = found.get(text);
        if (!seen) found.set(text, { count: 1, next, branches: false });
        else {
          seen.count++;
          seen.branches ||= seen.next !== next;
        }
      }
    }
  const single = [...characters].sort(([, a], [, b]) => b - a);
  const longer = [...found].flatMap(([text, { count, branches }]) =>
    branches ? [[text, count * Array.from(text).length] as const] : [],
  );
  longer.sort(([, a], [, b]) => b - a);
  const all = [...single, ...longer.slice(0, size - single.length)];
  const total = Math.log(all.reduce((sum, [, score]) => sum + score, 0));
  return all.map(([text, score]) => [text, Math.log(score) - total] as const);
}

/** A tree of pieces by their characters. */
interface Branch {
  readonly next: Map<string, Branch>;
  /** The piece that ends here; −1 for none. */
  piece: number;
}

function treeOf(pieces: readonly Piece[]): Branch {
  const root: Branch = { next: new Map(), piece: -1 };
  for (const [index, [text]] of pieces.entries()) {
    let at = root;
    for (const character of text) {
      let next = at.next.get(character);
      if (!next) {
        next = { next: new Map(), piece: -1 };
        at.next.set(character, next);
      }
      at = next;
    }
    at.piece = index;
  }
  return root;
}

/** A piece over part of a row; −1 is a character that no piece covers. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly piece: number;
  readonly score: number;
}

/** Every piece over every part of a row, by where it ends. */
function spansOf(row: readonly string[], root: Branch, pieces: readonly Piece[], least: number): Span[][] {
  const ending: Span[][] = Array.from({ length: row.length + 1 }, () => []);
  for (let start = 0; start < row.length; start++) {
    let hasSingle = false;
    let at: Branch | undefined = root;
    for (let end = start + 1; end <= row.length; end++) {
      at = at.next.get(row[end - 1] as string);
      if (!at) break;
      if (at.piece < 0) continue;
      hasSingle ||= end === start + 1;
      (ending[end] as Span[]).push({ start, end, piece: at.piece, score: (pieces[at.piece] as Piece)[1] });
    }
    if (!hasSingle)
      (ending[start + 1] as Span[]).push({ start, end: start + 1, piece: -1, score: least - UNKNOWN_PENALTY });
  }
  return ending;
}

const leastScore = (pieces: readonly Piece[]): number => pieces.reduce((least, [, score]) => Math.min(least, score), 0);

function logAdd(a: number, b: number): number {
  if (a === -Infinity) return b;
  const [high, low] = a > b ? [a, b] : [b, a];
  return high + Math.log1p(Math.exp(low - high));
}

/** The expected count of each piece, over all ways to cut each word (forward and backward). */
function expect(pieces: readonly Piece[], rows: readonly Word[]): Float64Array {
  const root = treeOf(pieces);
  const least = leastScore(pieces);
  const expected = new Float64Array(pieces.length);
  for (const { characters, count } of rows) {
    const ending = spansOf(characters, root, pieces, least);
    const forward = new Float64Array(characters.length + 1).fill(-Infinity);
    forward[0] = 0;
    for (let end = 1; end <= characters.length; end++)
      for (const { start, score } of ending[end] as Span[])
        forward[end] = logAdd(forward[end] as number, (forward[start] as number) + score);
    const backward = new Float64Array(characters.length + 1).fill(-Infinity);
    backward[characters.length] = 0;
    for (let end = characters.length; end > 0; end--)
      for (const { start, score } of ending[end] as Span[])
        backward[start] = logAdd(backward[start] as number, (backward[end] as number) + score);
    const whole = forward[characters.length] as number;
    for (const spans of ending)
      for (const { start, end, piece, score } of spans)
        if (piece >= 0)
          expected[piece] =
            (expected[piece] as number) +
            count * Math.exp((forward[start] as number) + score + (backward[end] as number) - whole);
  }
  return expected;
}

/** The pieces that are expected often enough, with scores that lean to fewer pieces (a Dirichlet prior). */
function maximise(pieces: readonly Piece[], expected: Float64Array): Piece[] {
  const kept = pieces.flatMap(([text], i) => {
    const count = expected[i] as number;
    return count < LEAST_EXPECTED ? [] : [[text, count] as const];
  });
  const total = digamma(kept.reduce((sum, [, count]) => sum + count, 0));
  return kept.map(([text, count]) => [text, digamma(count) - total] as const);
}

/** The derivative of log Γ, by its asymptotic series above 7. */
function digamma(value: number): number {
  let result = 0;
  let x = value;
  for (; x < 7; x++) result -= 1 / x;
  x -= 0.5;
  const xx = 1 / (x * x);
  const series = xx / 24 - (7 / 960) * xx ** 2 + (31 / 8064) * xx ** 3 - (127 / 30720) * xx ** 4;
  return result + Math.log(x) + series;
}

/** The best way to cut a row, a piece that would be the whole row left out on request. */
function cut(row: readonly string[], ending: readonly (readonly Span[])[], skipWhole = false): Span[] | undefined {
  const best: (Span | undefined)[] = [];
  const scores = new Float64Array(row.length + 1).fill(-Infinity);
  scores[0] = 0;
  for (let end = 1; end <= row.length; end++)
    for (const span of ending[end] as readonly Span[]) {
      if (skipWhole && span.start === 0 && span.end === row.length) continue;
      const score = (scores[span.start] as number) + span.score;
      if (score > (scores[end] as number)) {
        scores[end] = score;
        best[end] = span;
      }
    }
  if (scores[row.length] === -Infinity) return undefined;
  const spans: Span[] = [];
  for (let end = row.length; end > 0; ) {
    const span = best[end] as Span;
    spans.unshift(span);
    end = span.start;
  }
  return spans;
}

/** Leaves the pieces whose loss would cost the text most likelihood. */
function prune(pieces: readonly Piece[], rows: readonly Word[], size: number): Piece[] {
  const root = treeOf(pieces);
  const least = leastScore(pieces);
  const frequency = new Float64Array(pieces.length);
  let [texts, unknown] = [0, 0];
  for (const { characters, count } of rows) {
    texts += count;
    const spans = cut(characters, spansOf(characters, root, pieces, least)) ?? [];
    for (const { piece } of spans)
      if (piece < 0) unknown += count;
      else frequency[piece] = (frequency[piece] as number) + count;
  }
  const sum = frequency.reduce((total, n) => total + n, unknown);
  const kept: Piece[] = [];
  const candidates: { piece: Piece; loss: number }[] = [];
  for (const [i, piece] of pieces.entries()) {
    const row = Array.from(piece[0]);
    const ending = spansOf(row, root, pieces, least);
    const isBest = cut(row, ending)?.length === 1;
    const other = row.length > 1 ? cut(row, ending, true) : undefined;
    const own = frequency[i] as number;
    if (own === 0 && !(isBest || other === undefined)) continue;
    if (!isBest || other === undefined) {
      kept.push(piece);
      continue;
    }
    if (own === 0) continue;
    const share = own / texts;
    const before = Math.log(own) - Math.log(sum);
    const total = Math.log(sum + own * pieces.length);
    const after = other.reduce((logs, span) => logs + Math.log((frequency[span.piece] ?? unknown) + own) - total, 0);
    candidates.push({ piece, loss: share * (before - after) });
  }
  candidates.sort((a, b) => b.loss - a.loss);
  return [...kept, ...candidates.slice(0, Math.max(0, size - kept.length)).map(({ piece }) => piece)];
}

/** All characters, and the first pieces beside, by falling score. */
function finish(pieces: readonly Piece[], rows: readonly Word[], size: number): Piece[] {
  const scores = new Map(pieces);
  const least = leastScore(pieces);
  const characters = new Set(rows.flatMap((row) => row.characters));
  const chosen = new Map<string, number>();
  // Characters that were dropped on the way cost the most. The reference gives each 1e-4 more than the one before, in no
  // fixed order; here all have the middle of that.
  const dropped = [...characters].filter((character) => !scores.has(character)).length;
  for (const character of [...characters].sort())
    chosen.set(character, scores.get(character) ?? least + (dropped / 2) * 1e-4);
  for (const [text, score] of pieces) {
    if (chosen.size >= size) break;
    if (!chosen.has(text)) chosen.set(text, score);
  }
  return [...chosen].sort(([, a], [, b]) => b - a);
}
