import { check, throwIfAborted } from "../common/index.ts";
import { padRows, type Tokenizer } from "../tokenizers/index.ts";
import { batchesByLength } from "./length-bucketing.ts";
import type { ScoredPosition, ScoreInputs, TokenScore } from "./token-scores.ts";

/** A continuation to score after its context, as text or as token ids. */
export type LogLikelihoodRequest =
  | { readonly context: string; readonly continuation: string }
  | { readonly contextIds: readonly number[]; readonly continuationIds: readonly number[] };

/** The score of a continuation. */
export interface LogLikelihood {
  /** Σ log p of the continuation's tokens, each given all tokens before it; natural logarithm. */
  readonly logLikelihood: number;
  /** True if greedy decoding of the context yields this continuation. */
  readonly isGreedy: boolean;
  /** The ids of the continuation's tokens. */
  readonly tokens: readonly number[];
  /** log p of each token. */
  readonly tokenLogProbs: readonly number[];
  /** Tokens at the beginning of the context that the model did not read, since the context window has no room for them. */
  readonly droppedTokens: number;
}

/** Options of `logLikelihood`. */
export interface LogLikelihoodOptions {
  /** Rows of a batch at most; default 32. */
  readonly batchSize?: number | undefined;
  /** Cancels the computation. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of rows that are computed, and with the number of all rows. */
  readonly onDone?: ((done: number, total: number) => void) | undefined;
  /** The adapter, by the name it was added under; null: none; default: the one in use. */
  readonly adapter?: string | null | undefined;
}

/** A loaded model that scores tokens. */
export interface Scoring {
  readonly tokenizer: Tokenizer | undefined;
  readonly isEncoderDecoder: boolean;
  readonly config: Readonly<Record<string, unknown>>;
  readonly contextWindow: number;
  score(inputs: ScoreInputs): Promise<TokenScore[][]>;
}

/** A pair of token ids: what is given, and what is scored. */
export interface TokenPair {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/** The window of models that bound neither positions nor texts; also that of lm-evaluation-harness. */
const DEFAULT_WINDOW = 2048;

/** The number of tokens that a pass over a text reads at most. */
export function scoringWindow({ contextWindow, config, tokenizer }: Scoring): number {
  if (Number.isFinite(contextWindow)) return contextWindow;
  const { n_positions: positions } = config;
  return typeof positions === "number" ? positions : (tokenizer?.maxLength ?? DEFAULT_WINDOW);
}

/** The token that an empty context begins with: the start token, else the end token. */
function prefixToken({ tokenizer, config }: Scoring): number {
  const ids = [tokenizer?.specialId("bos_token"), tokenizer?.specialId("eos_token"), config.bos_token_id];
  const id = [...ids, config.eos_token_id].find((value) => typeof value === "number");
  check(
    typeof id === "number",
    "config",
    () => "log-likelihood: an empty context begins with the start or end token; this tokenizer names neither",
  );
  return id;
}

/** Tokenizes as lm-evaluation-harness does: a text that begins with the prefix token gets no second one. */
function encoderOf(model: Scoring): (text: string, withSpecials?: boolean) => readonly number[] {
  const { tokenizer } = model;
  check(tokenizer, "input", () => "log-likelihood: this model's directory has no tokenizer.json; give token ids");
  let start: string | undefined;
  return (text, withSpecials = true) => {
    start ??= tokenizer.decode([prefixToken(model)]);
    const addSpecialTokens = withSpecials && !text.startsWith(start);
    return tokenizer.encode(text, { addSpecialTokens }).ids;
  };
}

/** White space at the end of a text. */
const trailingSpace = /\p{White_Space}+$/u;

/**
 * The token ids of pairs of texts. Spaces at the end of a context move to its continuation. The continuation's tokens
 * are those of the whole text behind as many as the context has; an encoder–decoder tokenizes the two apart, the
 * continuation without special tokens. An empty context is the start token, or the end token where there is none.
 */
export function encodePairs(model: Scoring, requests: readonly LogLikelihoodRequest[]): TokenPair[] {
  let encode: ReturnType<typeof encoderOf> | undefined;
  return requests.map((request) => {
    if ("contextIds" in request) return { context: request.contextIds, continuation: request.continuationIds };
    encode ??= encoderOf(model);
    if (request.context === "") return afterPrefix(encode(request.continuation, false), prefixToken(model));
    const context = request.context.replace(trailingSpace, "");
    const continuation = request.context.slice(context.length) + request.continuation;
    const ids = encode(context);
    if (model.isEncoderDecoder) return { context: ids, continuation: encode(continuation, false) };
    return { context: ids, continuation: encode(context + continuation).slice(ids.length) };
  });
}

/** A text without context: behind the prefix token, which it may begin with. */
function afterPrefix(ids: readonly number[], prefix: number): TokenPair {
  if (ids[0] === prefix) return { context: [prefix], continuation: ids.slice(1) };
  return { context: [prefix], continuation: ids };
}

/** Distinct rows of a pass, with the tokens that are scored at their positions. */
interface ScoredRow {
  readonly ids: readonly number[];
  /** Of an encoder–decoder: what the decoder is to write. */
  readonly labels: readonly number[];
  /** By position: tokens to score, without repetition. */
  readonly targets: Map<number, number[]>;
}

/** Where the scores of a pair are found. */
interface PairPlace {
  readonly row: ScoredRow;
  /** The position that predicts the continuation's first token. */
  readonly first: number;
  /** Tokens of the context that the row has no room for. */
  readonly dropped: number;
}

/** Rows without repetition: choices that differ in their last token alone share one. */
function rowsOf(
  model: Scoring,
  pairs: readonly TokenPair[],
): { readonly rows: readonly ScoredRow[]; readonly places: readonly PairPlace[] } {
  const window = scoringWindow(model);
  const byKey = new Map<string, ScoredRow>();
  const places = pairs.map(({ context, continuation }, i): PairPlace => {
    check(context.length > 0, "input", () => `log-likelihood: the context of request ${i + 1} has no token`);
    check(
      continuation.length > 0,
      "input",
      () => `log-likelihood: the continuation of request ${i + 1} has no token of its own behind its context`,
    );
    check(
      continuation.length <= window,
      "input",
      () =>
        `log-likelihood: the continuation of request ${i + 1} has ${continuation.length} tokens; the context window has ${window}`,
    );
    const ids = model.isEncoderDecoder
      ? context.slice(-window)
      : [...context, ...continuation].slice(-(window + 1)).slice(0, -1);
    const key = `${ids.join()}|${model.isEncoderDecoder ? continuation.slice(0, -1).join() : ""}`;
    const row = byKey.get(key) ?? { ids, labels: continuation, targets: new Map<number, number[]>() };
    byKey.set(key, row);
    const first = model.isEncoderDecoder ? 0 : ids.length - continuation.length;
    for (const [offset, token] of continuation.entries()) {
      const own = row.targets.get(first + offset) ?? [];
      if (!own.includes(token)) own.push(token);
      row.targets.set(first + offset, own);
    }
    const whole = context.length + (model.isEncoderDecoder ? 0 : continuation.length - 1);
    return { row, first, dropped: whole - ids.length };
  });
  return { rows: [...byKey.values()], places };
}

/** Scores of a row's targets by position and token. */
type RowScores = ReadonlyMap<number, ReadonlyMap<number, TokenScore>>;

async function scoreBatch(model: Scoring, rows: readonly ScoredRow[]): Promise<RowScores[]> {
  const ids = padRows(
    rows.map((row) => row.ids),
    { padTokenId: model.tokenizer?.padId ?? 0 },
  );
  const width = Math.max(...rows.map(({ labels }) => labels.length));
  const positions = rows.flatMap(({ targets }, row) =>
    [...targets].map(([at, own]): ScoredPosition => ({ row, at, targets: own })),
  );
  const labels = rows.map((row) => [...row.labels, ...new Array<number>(width - row.labels.length).fill(-100)]);
  const scores = await model.score({ ...ids, ...(model.isEncoderDecoder && { labels }), positions });
  const found = rows.map(() => new Map<number, Map<number, TokenScore>>());
  for (const [n, { row, at, targets }] of positions.entries())
    found[row]?.set(at, new Map(targets.map((token, i) => [token, scores[n]?.[i] as TokenScore])));
  return found;
}

/**
 * Scores pairs of token ids in batches of rows of like length. A row that is too long for the context window loses
 * tokens at its beginning.
 */
export async function scorePairs(
  model: Scoring,
  pairs: readonly TokenPair[],
  { batchSize, signal, onDone }: LogLikelihoodOptions = {},
): Promise<LogLikelihood[]> {
  const { rows, places } = rowsOf(model, pairs);
  const lengths = rows.map(({ ids, labels }) => ids.length + (model.isEncoderDecoder ? labels.length : 0));
  const scores = new Map<ScoredRow, RowScores>();
  for (const batch of batchesByLength(lengths, batchSize)) {
    throwIfAborted(signal);
    const own = batch.map((index) => rows[index] as ScoredRow);
    for (const [i, found] of (await scoreBatch(model, own)).entries()) scores.set(own[i] as ScoredRow, found);
    onDone?.(scores.size, rows.length);
  }
  return places.map(({ row, first, dropped }, i) => {
    const tokens = (pairs[i] as TokenPair).continuation;
    const each = tokens.map(
      (token, offset) =>
        scores
          .get(row)
          ?.get(first + offset)
          ?.get(token) as TokenScore,
    );
    const tokenLogProbs = each.map(({ logProb }) => logProb);
    return {
      logLikelihood: tokenLogProbs.reduce((sum, logProb) => sum + logProb, 0),
      isGreedy: each.every(({ isGreedy }) => isGreedy),
      tokens,
      tokenLogProbs,
      droppedTokens: dropped,
    };
  });
}

/**
 * A text cut into windows that fill the context window, each token predicted once: the first window behind the prefix
 * token, each later one behind the last tokens of the window before it.
 */
export function rollingWindows(model: Scoring, text: string): TokenPair[] {
  const ids = encoderOf(model)(text);
  const window = scoringWindow(model);
  const windows: TokenPair[] = [];
  if (ids.length > 0) windows.push({ context: [prefixToken(model)], continuation: ids.slice(0, window) });
  for (let done = window; done < ids.length; ) {
    const end = Math.min(ids.length, done + window);
    windows.push({ context: ids.slice(end - window - 1, done), continuation: ids.slice(done, end) });
    done = end;
  }
  return windows;
}

/** The log-likelihood of whole texts, in windows where they are longer than the context window. */
export async function scoreTexts(
  model: Scoring,
  texts: readonly string[],
  options: LogLikelihoodOptions = {},
): Promise<LogLikelihood[]> {
  const windows = texts.map((text) => rollingWindows(model, text));
  const scores = await scorePairs(model, windows.flat(), options);
  let at = 0;
  return windows.map(({ length }): LogLikelihood => {
    const own = scores.slice(at, (at += length));
    return {
      logLikelihood: own.reduce((sum, { logLikelihood }) => sum + logLikelihood, 0),
      isGreedy: own.every(({ isGreedy }) => isGreedy),
      tokens: own.flatMap(({ tokens }) => tokens),
      tokenLogProbs: own.flatMap(({ tokenLogProbs }) => tokenLogProbs),
      droppedTokens: 0,
    };
  });
}
