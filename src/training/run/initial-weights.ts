import { check, shown } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import { openDirectory } from "../../formats/index.ts";
import { openModelFiles, Weights } from "../../inference/index.ts";
import { totalMemory } from "../../runtime/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { type InitializeOptions, initialize, writesResidual } from "./initialize.ts";
import { type Parameters, parameterShapes } from "./step-graph.ts";

/** No model has as many layers, and to count the parameters of more takes long. */
const MOST_LAYERS = 1000;

/** Refuses a model that no training fits into memory: its weights and their gradients alone are more than there is. */
export function checkSize(architecture: Architecture, memory = totalMemory()): void {
  const { numHiddenLayers = 0 } = architecture.config as { numHiddenLayers?: number };
  check(
    numHiddenLayers <= MOST_LAYERS,
    "config",
    () => `recipe: config asks for ${numHiddenLayers} layers, at most ${MOST_LAYERS} are built; make it smaller`,
  );
  const sizes = [...parameterShapes(architecture).values()].map((shape) => shape.reduce((a, b) => a * b, 1));
  const count = sizes.reduce((a, b) => a + b, 0);
  const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GB`;
  check(
    count * 8 <= memory,
    "config",
    () =>
      `recipe: config makes a model of ${count} parameters, which need ${gigabytes(count * 8)} with their gradients; this machine has ${gigabytes(memory)}; make it smaller`,
  );
}

/** Rows of the embedding that may stand beside those of tokens, for tokens to come and round sizes. */
const SPARE_ROWS = 65_536;

/** Refuses a vocabulary that the tokenizer does not fit into, or that is mostly rows which no token names. */
export function checkVocabulary(size: number, { config }: Architecture): void {
  const { vocabSize } = config;
  check(
    size <= vocabSize,
    "config",
    () => `recipe: the tokenizer has ${size} tokens, config.vocab_size is ${vocabSize}`,
  );
  const most = 2 * size + SPARE_ROWS;
  check(
    vocabSize <= most,
    "config",
    () => `recipe: config.vocab_size must be at most ${most} for a tokenizer of ${size} tokens; got ${vocabSize}`,
  );
}

/** A token id of a recipe's config, else another; one that is no id of the model is refused. */
export function recipeTokenId(
  config: Readonly<Record<string, unknown>>,
  key: string,
  fallback: number | undefined,
  vocabSize: number,
): number | undefined {
  const id = config[key] ?? fallback;
  check(
    id === undefined || (Number.isSafeInteger(id) && Number(id) >= 0 && Number(id) < vocabSize),
    "config",
    () => `recipe: config.${key} must be a token id below ${vocabSize}; got ${shown(id)}`,
  );
  return id as number | undefined;
}

export interface StartOptions {
  readonly seed: number;
  readonly firstPositions?: InitializeOptions["firstPositions"];
  /** `config.json`, of which `initializer_range`, or `init_std`, counts. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The directory of weights that are taken where they fit. */
  readonly directory?: string | undefined;
}

/**
 * The initial weights of a run: drawn from the seed, or those of a model where it has them in the same shape; the
 * others, such as a new head, are drawn. Of a layer that the model lacks, the matrices that write into the residual
 * stream are zero, by the names that LLaMA and GPT-2 have for them: a model with more layers computes at first what the
 * smaller one computes (Net2Net: Chen et al., 2016, arXiv 1511.05641).
 */
export async function startParameters(
  architecture: Architecture,
  { config, directory, ...options }: StartOptions,
): Promise<Parameters> {
  const drawn = initialize(parameterShapes(architecture), architecture, { ...options, range: rangeOf(config) });
  if (directory === undefined) return drawn;
  const files = await openDirectory(directory);
  const base = await openModelFiles(files);
  const weights = new Weights(files, base.weights.checkpoint, architecture.family.checkpoint);
  return takeWeights(architecture, weights, (path) => {
    const fresh = drawn[path] as HostTensor<"float32">;
    return writesResidual(path) && !weights.has(path) ? { ...fresh, data: new Float32Array(fresh.data.length) } : fresh;
  });
}

/** BART and its relatives call it `init_std`. */
function rangeOf(config: Readonly<Record<string, unknown>>): number | undefined {
  const range = config.initializer_range ?? config.init_std;
  const fits = range === undefined || (typeof range === "number" && range > 0);
  check(fits, "config", () => `config.initializer_range (or init_std) must be a number above 0; got ${range}`);
  return range as number | undefined;
}

/** A model's weights for an architecture; what it lacks, or has in another shape, is made new. */
export async function takeWeights(
  architecture: Architecture,
  weights: Weights,
  fresh: (path: string, shape: readonly number[]) => Parameters[string],
): Promise<Parameters> {
  const parameters: Parameters = {};
  for (const [path, shape] of parameterShapes(architecture)) {
    const same = weights.has(path) && weights.shape(path).join() === shape.join();
    parameters[path] = same ? await weights.read(path) : fresh(path, shape);
  }
  return parameters;
}
