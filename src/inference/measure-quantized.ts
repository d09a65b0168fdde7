import { LecternError, throwIfAborted } from "../common/index.ts";
import { loadModel, type Model } from "./model.ts";

/** The number of tokens that are scored together, and of such windows at most. */
const WINDOW = 256;
const MOST_WINDOWS = 40;

/** The number of tokens that a model reads and writes to measure its speed. */
const PROMPT = 32;
const STEPS = 32;

/** The measurements of one model. */
export interface Measurement {
  /** e to the mean loss of a token of the text. */
  readonly perplexity?: number;
  /** The reason why there is no perplexity. */
  readonly withoutPerplexity?: string;
  /** Of decoding one sequence; of a model that generates nothing, of reading a text. */
  readonly tokensPerSecond?: number;
}

/** What is measured. */
export interface MeasureOptions {
  readonly text: string;
  /** True if the speed is measured, too. */
  readonly measuresSpeed: boolean;
  readonly signal?: AbortSignal | undefined;
  /** The precision to compute in; default that of the stored matrices. */
  readonly precision?: "float32";
}

/** Loads a model, measures it on a text, and frees it. */
export async function measureModel(location: string, options: MeasureOptions): Promise<Measurement> {
  const { signal, precision } = options;
  await using model = await loadModel(location, { signal, precision, onWarning: () => {} });
  return await measureOpened(model, options);
}

/** Measures an open model on a text. */
export async function measureOpened(
  model: Model,
  options: Pick<MeasureOptions, "text" | "measuresSpeed" | "signal">,
): Promise<Measurement> {
  const { tokenizer } = model;
  if (!tokenizer) return { withoutPerplexity: "the model has no tokenizer" };
  const size = Math.min(WINDOW, model.contextWindow);
  const ids = tokenizer.encode(options.text).ids.slice(0, MOST_WINDOWS * size);
  const measured = await perplexityOf(model, ids, size, options.signal);
  return options.measuresSpeed ? { ...measured, tokensPerSecond: await speedOf(model, ids.slice(0, size)) } : measured;
}

/** The perplexity of a text in windows that begin anew. */
async function perplexityOf(
  model: Model,
  ids: readonly number[],
  size: number,
  signal: AbortSignal | undefined,
): Promise<Omit<Measurement, "tokensPerSecond">> {
  if (model.isEncoder) return { withoutPerplexity: "an encoder does not predict the next token" };
  if (model.isEncoderDecoder)
    return { withoutPerplexity: "an encoder–decoder scores a text only as the answer to another" };
  if (ids.length < 2)
    throw new LecternError("input", `quantize: the text has ${ids.length} tokens; give one of at least 2`);
  let [loss, count] = [0, 0];
  for (let at = 0; at + 1 < ids.length; at += size) {
    throwIfAborted(signal);
    const row = ids.slice(at, at + size);
    const result = await model.forward({ inputIds: [row], labels: [row] });
    loss += (result.loss as number) * (row.length - 1);
    count += row.length - 1;
  }
  return { perplexity: Math.exp(loss / count) };
}

async function speedOf(model: Model, ids: readonly number[]): Promise<number> {
  if (model.isEncoder) {
    const read = async (): Promise<number> => {
      const started = performance.now();
      await model.forward({ inputIds: [ids] });
      return performance.now() - started;
    };
    await read(); // compiles the graph
    return (1000 * ids.length) / (await read());
  }
  const options = { doSample: false, numBeams: 1, eosTokenId: null, maxNewTokens: STEPS };
  const { timing } = await model.generate({ inputIds: [ids.slice(0, PROMPT)] }, options);
  return timing.tokensPerSecond;
}
