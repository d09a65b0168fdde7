import { check, LecternError, throwIfAborted } from "../common/index.ts";
import type { Architecture } from "../families/index.ts";
import { type Decoder, type GenerationOptions, GuidedDecoder } from "../generation/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { CrossAttentionCache } from "./cache/cross-attention-cache.ts";
import { CachedDecoder } from "./cached-decoder.ts";
import type { DecodeEngine } from "./decode-engine.ts";
import { RecurrentDecoder, RecurrentEngine } from "./recurrent-decoder.ts";
import { RecurrentSeq2seqDecoder, RecurrentSeq2seqEngine } from "./recurrent-seq2seq-decoder.ts";
import { UncachedDecoder } from "./uncached-decoder.ts";

/** A model that generates text. */
export type GeneratingModel = Exclude<Architecture, { kind: "encoder" }>;

/** A session in which a model decodes. */
export type Engine = DecodeEngine | RecurrentEngine | RecurrentSeq2seqEngine;

/** The start of a generation. */
export interface DecodingStart {
  readonly decoderOf: (rows: readonly number[]) => Decoder;
  readonly prompts: readonly (readonly number[])[];
  /** The encoder's keys and values for each prompt, where attention reads them. */
  readonly memories?: readonly CrossAttentionCache[];
}

interface BeginOptions {
  readonly options: GenerationOptions;
  /** The checkpoint's `bos_token_id`, with which a decoder begins where no start token is named, as in transformers. */
  readonly beginToken?: number | undefined;
  /** Cancels between rows and pieces of a prompt, with code `abort`. */
  readonly signal: AbortSignal | undefined;
}

/** Decoders of the prompts; an encoder reads them, where there is one, and the decoder begins with its start token. */
export async function beginDecoding(
  engine: Engine,
  architecture: GeneratingModel,
  inputIds: readonly (readonly number[])[],
  begin: BeginOptions,
): Promise<DecodingStart> {
  if (architecture.kind === "decoder" || architecture.kind === "recurrent") return goOn(engine, inputIds, begin);
  const { options, signal } = begin;
  if ((options.guidanceScale ?? 1) !== 1)
    throw new LecternError("unsupported", "generation: guidanceScale needs a decoder-only model");
  const { maxPositionEmbeddings, vocabSize, sourceVocabSize = vocabSize } = architecture.config;
  for (const row of inputIds) checkSource(row, maxPositionEmbeddings, sourceVocabSize);
  const start = options.decoderStartTokenId ?? begin.beginToken ?? architecture.config.decoderStartTokenId;
  if (start === undefined)
    throw new LecternError(
      "config",
      "generation: no token for the decoder to begin with; got none in config.json; give decoderStartTokenId",
    );
  const prompts = inputIds.map(() => [start]);
  if (engine instanceof RecurrentSeq2seqEngine) {
    const sources: Record<string, HostTensor>[] = [];
    for (const row of inputIds) {
      throwIfAborted(signal);
      sources.push(await engine.read(row));
    }
    const decoderOf = (rows: readonly number[]): Decoder =>
      new RecurrentSeq2seqDecoder(
        engine,
        rows.map((row) => sources[row] as Record<string, HostTensor>),
      );
    return { decoderOf, prompts };
  }
  const memories: CrossAttentionCache[] = [];
  for (const row of inputIds) {
    throwIfAborted(signal);
    memories.push(await (engine as DecodeEngine).encode(row));
  }
  const cached = (rows: readonly number[]): CachedDecoder =>
    new CachedDecoder(engine as DecodeEngine, {
      memories: rows.map((row) => memories[row] as CrossAttentionCache),
      chunk: options.prefillChunkSize,
      signal,
    });
  const decoderOf = (rows: readonly number[]): Decoder =>
    options.useCache === false
      ? new UncachedDecoder((sources) => cached(sources.map((source) => rows[source] as number)))
      : cached(rows);
  return { decoderOf, prompts, memories };
}

/** Decoders that go on from prompts. */
function goOn(
  engine: Engine,
  inputIds: readonly (readonly number[])[],
  { options, signal }: BeginOptions,
): DecodingStart {
  const { guidanceScale = 1, negativePromptIds, useCache, prefillChunkSize } = options;
  check(
    negativePromptIds === undefined || guidanceScale !== 1,
    "usage",
    () => "generation: negativePromptIds does nothing without guidanceScale",
  );
  const cached = (): CachedDecoder => new CachedDecoder(engine as DecodeEngine, { chunk: prefillChunkSize, signal });
  const plain = (): Decoder => {
    if (engine instanceof RecurrentEngine) return new RecurrentDecoder(engine);
    return useCache === false ? new UncachedDecoder(cached) : cached();
  };
  if (guidanceScale === 1) return { decoderOf: plain, prompts: inputIds };
  const guided = (rows: readonly number[]): Decoder =>
    new GuidedDecoder(plain(), plain(), {
      scale: guidanceScale,
      negative: negativePromptIds && rows.map((row) => (negativePromptIds[row] ?? negativePromptIds[0]) as number[]),
    });
  return { decoderOf: guided, prompts: inputIds };
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
