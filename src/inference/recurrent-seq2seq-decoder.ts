import type { Architecture, SourceRows } from "../families/index.ts";
import type { Decoder } from "../generation/index.ts";
import { concat, type Dimension, input, reshape, slice, type Value } from "../graph/index.ts";
import { Scope } from "../nn/index.ts";
import { createSession, type EngineSession, nextTask, type SessionOptions } from "../runtime/index.ts";
import { type HostTensor, int64Matrix, LOWEST_FLOAT32 } from "../tensor/index.ts";
import { lowerModel } from "./lower-model.ts";
import { sessionBytes, weightBytes } from "./sessions/session-bytes.ts";
import type { Weights } from "./weights.ts";

type Translator = Architecture & { kind: "recurrent-encoder-decoder" };

/** The description of a recurrent encoder's rows, as graph inputs. */
function sourceRows(batch: Dimension, length: Dimension): SourceRows {
  return {
    mask: input("source_mask", "float32", [batch, length]),
    last: input("source_last", "float32", [batch, length]),
    reverse: input("source_reverse", "int64", [batch, length]),
    bias: input("source_bias", "float32", [batch, 1, length]),
  };
}

/** The same, computed from a mask (1 = token) whose padding stands behind the text. */
export function sourceFeeds(mask: readonly (readonly number[])[]): Record<string, HostTensor> {
  const lengths = mask.map((row) => row.lastIndexOf(1) + 1);
  const [rows, width] = [mask.length, mask[0]?.length ?? 0];
  const floats = (value: (row: number, at: number) => number): Float32Array =>
    Float32Array.from({ length: rows * width }, (_, i) => value(Math.floor(i / width), i % width));
  const lengthOf = (row: number): number => lengths[row] as number;
  return {
    source_mask: { dtype: "float32", shape: [rows, width], data: floats((row, at) => Number(at < lengthOf(row))) },
    source_last: {
      dtype: "float32",
      shape: [rows, width],
      data: floats((row, at) => Number(at === lengthOf(row) - 1)),
    },
    source_reverse: int64Matrix(
      mask.map((row, i) => row.map((_, at) => (at < lengthOf(i) ? lengthOf(i) - 1 - at : at))),
    ),
    source_bias: {
      dtype: "float32",
      shape: [rows, 1, width],
      data: floats((row, at) => (at < lengthOf(row) ? 0 : LOWEST_FLOAT32)),
    },
  };
}

/** A whole pass, written out step by step: what the decoder reads is given, not what it wrote. */
export function recurrentSeq2seqForward(
  { family, config }: Translator,
  { batch, queries, steps }: { batch: Dimension; queries: Dimension; steps: number },
  root = new Scope(),
): { logits: Value; memory: Value; weights: Value } {
  const rows = sourceRows(batch, queries);
  const { memory, state: first } = family.model.encode(
    root,
    config,
    input("input_ids", "int64", [batch, queries]),
    rows,
  );
  const ids = input("decoder_input_ids", "int64", [batch, steps]);
  let state = first;
  const results = Array.from({ length: steps }, (_, u) => {
    const result = family.model.step(root, config, slice(ids, 1, u, u + 1), state, memory, rows.bias);
    state = result.state;
    return { ...result, logits: reshape(result.logits, [batch, 1, config.vocabSize]) };
  });
  const weights = concat(
    results.map((result) => result.weights),
    1,
  );
  return {
    logits: concat(
      results.map(({ logits }) => logits),
      1,
    ),
    memory,
    weights: reshape(weights, [batch, 1, steps, queries]),
  };
}

interface OpenSession {
  readonly session: EngineSession;
  readonly bytes: number;
  /** The bytes of weights that a run reads. */
  readonly weightBytes: number;
}

/** The sessions in which a recurrent encoder–decoder works: one reads, one writes token by token. */
export class RecurrentSeq2seqEngine {
  readonly architecture: Translator;
  /** Estimated memory, in bytes. */
  readonly bytes: number;
  /** The bytes of weights that a step reads. */
  readonly weightBytes: number;
  /** Time that the engine has computed for this request, in milliseconds. */
  computedMs = 0;
  readonly #reader: OpenSession;
  readonly #writer: OpenSession;

  private constructor(architecture: Translator, reader: OpenSession, writer: OpenSession) {
    this.architecture = architecture;
    this.bytes = reader.bytes + writer.bytes;
    this.weightBytes = writer.weightBytes;
    this.#reader = reader;
    this.#writer = writer;
  }

  /** The same sessions for one request, which has its own clock. */
  forRequest(): RecurrentSeq2seqEngine {
    return new RecurrentSeq2seqEngine(this.architecture, this.#reader, this.#writer);
  }

  /** Does nothing: the steps of recurrent requests are not batched. */
  endRequest(): void {}

  static async create(
    architecture: Translator,
    weights: Weights,
    options: SessionOptions = {},
  ): Promise<RecurrentSeq2seqEngine> {
    const { family, config } = architecture;
    const open = async (outputs: Record<string, Value>): Promise<OpenSession> => {
      const graph = lowerModel(outputs, weights, "decode", options.device);
      const session = await createSession(graph, options);
      return { session, bytes: sessionBytes(graph, options), weightBytes: weightBytes(graph) };
    };
    const ids = input("input_ids", "int64", ["B", "S"]);
    const { memory, state } = family.model.encode(new Scope(), config, ids, sourceRows("B", "S"));
    const written = family.model.step(
      new Scope(),
      config,
      input("decoder_input_ids", "int64", ["B", 1]),
      input("state", "float32", ["B", config.hiddenSize]),
      input("memory", "float32", ["B", "S", config.memorySize]),
      input("source_bias", "float32", ["B", 1, "S"]),
    );
    const writer = await open({ logits: written.logits, next_state: written.state });
    return new RecurrentSeq2seqEngine(architecture, await open({ memory, state }), writer);
  }

  async read(row: readonly number[]): Promise<Record<string, HostTensor>> {
    const { source_bias, ...feeds } = sourceFeeds([row.map(() => 1)]);
    const isBidirectional = this.architecture.family.model.readsBackwards(this.architecture.config);
    const { source_reverse, ...forward } = feeds;
    const results = await this.#timed(this.#reader, {
      input_ids: int64Matrix([row]),
      ...forward,
      ...(isBidirectional && source_reverse && { source_reverse }),
    });
    return { ...results, source_bias: source_bias as HostTensor };
  }

  write(tokens: readonly number[], feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>> {
    return this.#timed(this.#writer, { decoder_input_ids: int64Matrix(tokens.map((token) => [token])), ...feeds });
  }

  async dispose(): Promise<void> {
    await this.#reader.session.dispose();
    await this.#writer.session.dispose();
  }

  async #timed({ session }: OpenSession, feeds: Record<string, HostTensor>): Promise<Record<string, HostTensor>> {
    const started = performance.now();
    const results = await session.run(feeds);
    this.computedMs += performance.now() - started;
    await nextTask();
    return results;
  }
}

/** One generation's rows, each with its own source and state. */
export class RecurrentSeq2seqDecoder implements Decoder {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  readonly #engine: RecurrentSeq2seqEngine;
  #rows: Record<string, HostTensor>[];

  /** @param sources what the encoder made of each row */
  constructor(engine: RecurrentSeq2seqEngine, sources: readonly Record<string, HostTensor>[]) {
    this.#engine = engine;
    this.vocabularySize = engine.architecture.config.vocabSize;
    this.contextWindow = engine.architecture.config.maxPositionEmbeddings;
    this.#rows = [...sources];
  }

  async prefill(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
    let scores: Float32Array[] = [];
    for (let at = 0; at < (rows[0]?.length ?? 0); at++) scores = await this.step(rows.map((row) => row[at] as number));
    return scores;
  }

  /** Rows are computed one by one: their sources differ in length, and one step is small. */
  async step(tokens: readonly number[]): Promise<Float32Array[]> {
    const scores: Float32Array[] = [];
    for (const [i, token] of tokens.entries()) {
      const row = this.#rows[i] as Record<string, HostTensor>;
      const { logits, next_state } = await this.#engine.write([token], row);
      this.#rows[i] = { ...row, state: next_state as HostTensor };
      scores.push(logits?.data as Float32Array);
    }
    return scores;
  }

  select(indices: readonly number[]): void {
    this.#rows = indices.map((row) => this.#rows[row] as Record<string, HostTensor>);
  }
}
