import { check, LecternError } from "../common/index.ts";
import {
  type Decoder,
  type GenerationOptions,
  GuidedDecoder,
  plannedNewTokens,
  type ScoringDecoder as Scoring,
} from "../generation/index.ts";
import type { WeightFeeds } from "./weights.ts";

/** The compiled sessions in which a model decodes, shared by all its generations. */
export interface DecodingSession {
  /** Estimated memory, in bytes. */
  readonly bytes: number;
  /**
   * The same sessions for one request, which feeds its adapter and has its own clock.
   * @param priority of its prompts; the lower number first, default 0
   */
  forRequest(feeds: WeightFeeds, priority?: number): RequestSession;
  dispose(): Promise<void>;
}

/** The sessions as one request uses them. */
export interface RequestSession {
  /** Time that the engine has computed for this request, in milliseconds. */
  readonly computedMs: number;
  /** The number of prompt tokens whose keys and values were there already. */
  readonly cachedTokens: number;
  /** The bytes of weights that a decoding step reads. */
  readonly weightBytes: number;
  /** Decoders of the prompts; an encoder reads them, where there is one, and the decoder begins with its start token. */
  begin(inputIds: readonly (readonly number[])[], options: BeginOptions): Promise<DecodingStart>;
  /** Ends the request: others no longer wait for its steps. */
  endRequest(): void;
}

/** The start of a generation. */
export interface DecodingStart {
  readonly decoderOf: (rows: readonly number[]) => Decoder;
  readonly prompts: readonly (readonly number[])[];
  /** A decoder of one row that scores every token it is given. */
  readonly scoringDecoderOf: (row: number) => Scoring;
}

export interface BeginOptions {
  readonly options: GenerationOptions;
  /** The checkpoint's `bos_token_id`, with which a decoder begins where no start token is named, as in transformers. */
  readonly beginToken?: number | undefined;
  /** `[B][S]`, 1 for the tokens of an encoder that see all; where the caller says which. */
  readonly globalTokens?: readonly (readonly number[])[] | undefined;
  /** Cancels between rows and pieces of a prompt, with code `abort`. */
  readonly signal: AbortSignal | undefined;
}

/** An engine of one kind of model, as {@link decodingSession} needs it. */
interface Engine<E> {
  readonly bytes: number;
  readonly computedMs: number;
  readonly cachedTokens?: number;
  readonly weightBytes: number;
  forRequest(feeds: WeightFeeds, priority?: number): E;
  endRequest(): void;
  dispose(): Promise<void>;
}

/** The sessions of an engine. @param begin starts a generation with the engine of a request */
export function decodingSession<E extends Engine<E>>(
  engine: E,
  begin: (engine: E, inputIds: readonly (readonly number[])[], options: BeginOptions) => Promise<DecodingStart>,
): DecodingSession {
  return {
    bytes: engine.bytes,
    dispose: () => engine.dispose(),
    forRequest(feeds, priority) {
      const own = engine.forRequest(feeds, priority);
      return {
        get computedMs() {
          return own.computedMs;
        },
        get cachedTokens() {
          return own.cachedTokens ?? 0;
        },
        weightBytes: own.weightBytes,
        begin: (inputIds, options) => begin(own, inputIds, options),
        endRequest: () => own.endRequest(),
      };
    },
  };
}

/** The error for a recurrent model that would have to take tokens back. */
export function rewindRefused(name: string): LecternError {
  return new LecternError("unsupported", `a ${name} cannot go back: no guessing ahead, no contrastive search`);
}

/**
 * Decoders that go on from prompts, under guidance where it is asked for.
 * @param plain makes one without guidance, for what is wanted, or for what guidance moves away from
 */
export function continuing(
  plain: (isWanted: boolean) => Decoder,
  { options }: BeginOptions,
): DecodingStart["decoderOf"] {
  const { guidanceScale = 1, negativePromptIds } = options;
  check(
    negativePromptIds === undefined || guidanceScale !== 1,
    "usage",
    () => "generation: negativePromptIds does nothing without guidanceScale",
  );
  if (guidanceScale === 1) return () => plain(true);
  return (rows) =>
    new GuidedDecoder(plain(true), plain(false), {
      scale: guidanceScale,
      negative: negativePromptIds && rows.map((row) => (negativePromptIds[row] ?? negativePromptIds[0]) as number[]),
    });
}

/** The number of tokens that a text may have with its prompt of so many. */
export function plannedLength(
  { contextWindow }: { readonly contextWindow: number },
  { options }: BeginOptions,
): (promptLength: number) => number {
  return (promptLength) => promptLength + plannedNewTokens(options, promptLength, contextWindow);
}

/** The settings that a decoder beside an encoder begins by. */
interface SourceConfig {
  readonly maxPositionEmbeddings: number;
  readonly sourcePositions?: number;
  readonly vocabSize: number;
  readonly sourceVocabSize?: number;
  readonly decoderStartTokenId: number | undefined;
}

/** The prompts of a decoder beside an encoder: its start token for each row that the encoder reads. */
export function startPrompts(
  config: SourceConfig,
  inputIds: readonly (readonly number[])[],
  { options, beginToken }: BeginOptions,
): number[][] {
  const { maxPositionEmbeddings, sourcePositions = maxPositionEmbeddings } = config;
  const { vocabSize, sourceVocabSize = vocabSize } = config;
  if ((options.guidanceScale ?? 1) !== 1)
    throw new LecternError("unsupported", "generation: guidanceScale needs a decoder-only model");
  for (const row of inputIds) checkSource(row, sourcePositions, sourceVocabSize);
  const start = options.decoderStartTokenId ?? beginToken ?? config.decoderStartTokenId;
  if (start === undefined)
    throw new LecternError(
      "config",
      "generation: no token for the decoder to begin with; got none in config.json; give decoderStartTokenId",
    );
  return inputIds.map(() => [start]);
}

function checkSource(row: readonly number[], window: number, vocabSize: number): void {
  const outside = row.find((id) => id >= vocabSize);
  check(outside === undefined, "input", () => `token id ${outside} is outside the vocabulary of ${vocabSize}`);
  check(row.length > 0, "input", () => "the encoder's input gives no token at all: give it some text");
  check(
    row.length <= window,
    "input",
    () => `the encoder's input has ${row.length} tokens, its window ${window}: ${row.length - window} too many`,
  );
}
