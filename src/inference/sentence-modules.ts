import { check, LecternError, ownEntry } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";
import { openSafetensors, pickleRefused } from "../formats/index.ts";
import { toFloat32 } from "../tensor/index.ts";
import type { Json } from "./head-config.ts";
import { readJsonFile } from "./model-files.ts";
import { normalized, type PoolingMode } from "./pooling.ts";

/** Makes another vector of a text's. */
export type VectorStep = (vector: Float32Array) => Float32Array;

/** The modules by which a sentence-transformers model makes vectors of texts. */
export interface SentenceModules {
  readonly modes: readonly PoolingMode[];
  /** True if a prompt's tokens are pooled with the text's. */
  readonly includePrompt: boolean;
  /** The modules after pooling, in order. */
  readonly steps: readonly VectorStep[];
  /** Tokens at most; longer texts are cut. */
  readonly maxLength: number | undefined;
  readonly lowercase: boolean;
  /** Texts to put before others, by name. */
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPromptName: string | undefined;
  /** `truncate_dim`: the number of leading dimensions that are kept. */
  readonly dimensions: number | undefined;
}

/** Settings of the transformer have the name of the family that first had them. */
const SETTINGS = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"].map(
  (name) => `sentence_${name}_config.json`,
);

/** Reads `modules.json` of sentence-transformers; without one, texts become the mean over their tokens. */
export async function readSentenceModules(files: FileSource): Promise<SentenceModules> {
  const own = await firstOf(files, SETTINGS);
  const {
    prompts,
    default_prompt_name: name,
    truncate_dim: dimensions,
  } = await firstOf(files, ["config_sentence_transformers.json"]);
  const { max_seq_length: most } = own;
  const settings = {
    maxLength: typeof most === "number" ? most : undefined,
    lowercase: own.do_lower_case === true,
    prompts: readPrompts(prompts),
    defaultPromptName: typeof name === "string" ? name : undefined,
    dimensions: typeof dimensions === "number" && dimensions > 0 ? dimensions : undefined,
  };
  let pooling: Pick<SentenceModules, "modes" | "includePrompt"> | undefined;
  const steps: VectorStep[] = [];
  for (const { kind, path, type } of await modulesOf(files)) {
    if (kind === "Transformer" && pooling === undefined) continue;
    if (kind === "Dropout") continue;
    if (kind === "Pooling" && pooling === undefined) pooling = readPooling(await configOf(files, path), path);
    else if (kind === "Normalize" && pooling) steps.push(normalized);
    else if (kind === "Dense" && pooling) steps.push(await readDense(files, path));
    else throw new LecternError("unsupported", `modules.json: a module of type ${type} is not supported in this place`);
  }
  return { modes: ["mean"], includePrompt: true, ...pooling, steps, ...settings };
}

/** The files of a directory that its sentence embeddings are made with, beside the model's own. */
export async function sentenceFiles(files: FileSource): Promise<string[]> {
  const modules = (await modulesOf(files)).filter(({ kind, path }) => kind !== "Transformer" && path !== "");
  const own = modules.flatMap(({ path }) => [`${path}/config.json`, `${path}/model.safetensors`]);
  const found: string[] = [];
  for (const name of ["modules.json", "config_sentence_transformers.json", ...SETTINGS, ...own])
    if (await files.has(name)) found.push(name);
  return found;
}

/** Refuses to train embeddings that are made otherwise than training makes them: the mean over tokens, as it is. */
export async function checkTrainableEmbeddings(files: FileSource): Promise<void> {
  const trained = ["Transformer", "Pooling", "Normalize", "Dropout"];
  const other = (await modulesOf(files)).find(({ kind }) => !trained.includes(kind));
  const modes = other ? [] : (await readSentenceModules(files)).modes;
  if (modes.join() === "mean") return;
  throw new LecternError(
    "unsupported",
    `finetune: sentence-similarity trains the mean over tokens; got ${other ? `a ${other.kind} module` : `${modes.join(" and ")} pooling`} in ${files.location}/modules.json`,
  );
}

async function firstOf(files: FileSource, names: readonly string[]): Promise<Json> {
  for (const name of names) if (await files.has(name)) return readJsonFile(files, name);
  return {};
}

async function configOf(files: FileSource, path: string): Promise<Json> {
  const name = `${path}/config.json`;
  return (await files.has(name)) ? readJsonFile(files, name) : {};
}

async function modulesOf(files: FileSource): Promise<{ kind: string; path: string; type: string }[]> {
  if (!(await files.has("modules.json"))) return [];
  let list: unknown;
  try {
    list = JSON.parse(await files.readText("modules.json"));
  } catch (cause) {
    throw new LecternError("file", `${files.location}: modules.json is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  check(Array.isArray(list), "file", () => `${files.location}: modules.json must hold a list of modules`);
  return list.map((entry: unknown) => {
    const { type, path } = (entry ?? {}) as { type?: unknown; path?: unknown };
    check(
      typeof type === "string" && typeof path === "string" && /^[\w-]*$/.test(path),
      "file",
      () => `${files.location}: a module needs a type and a folder of this directory; got ${JSON.stringify(entry)}`,
    );
    return { kind: type.split(".").at(-1) ?? "", path, type };
  });
}

/** In the order in which older configs, which say each by itself, join them. */
const MODES: readonly (readonly [name: string, older: string, mode: PoolingMode])[] = [
  ["cls", "pooling_mode_cls_token", "cls"],
  ["max", "pooling_mode_max_tokens", "max"],
  ["mean", "pooling_mode_mean_tokens", "mean"],
  ["mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", "mean-sqrt-length"],
  ["weightedmean", "pooling_mode_weightedmean_tokens", "weighted-mean"],
  ["lasttoken", "pooling_mode_lasttoken", "last"],
];

function readPooling(config: Json, path: string): Pick<SentenceModules, "modes" | "includePrompt"> {
  const { pooling_mode: given, include_prompt: includePrompt = true } = config;
  const older = MODES.filter(([, key]) => config[key] === true).map(([, , mode]) => mode);
  check(
    typeof includePrompt === "boolean",
    "file",
    () => `${path}/config.json: include_prompt must be true or false; got ${JSON.stringify(includePrompt)}`,
  );
  if (given === undefined) return { modes: older.length > 0 ? older : ["mean"], includePrompt };
  const names: readonly unknown[] = Array.isArray(given) ? given : [given];
  const modes = names.map((name) => {
    const mode = MODES.find(([known]) => known === name)?.[2];
    const known = MODES.map(([name]) => name).join(", ");
    if (mode) return mode;
    throw new LecternError(
      "unsupported",
      `${path}/config.json: pooling_mode must be one or several of ${known}; got ${JSON.stringify(given)}`,
    );
  });
  return { modes: modes.length > 0 ? modes : ["mean"], includePrompt };
}

function readPrompts(prompts: unknown): Readonly<Record<string, string>> {
  const table = prompts ?? {};
  check(
    typeof table === "object" && Object.values(table).every((prompt) => typeof prompt === "string" || prompt === null),
    "file",
    () => `config_sentence_transformers.json: prompts must be an object of texts; got ${JSON.stringify(prompts)}`,
  );
  return Object.fromEntries(Object.entries(table).filter(([, prompt]) => typeof prompt === "string")) as Record<
    string,
    string
  >;
}

/** The error function, by its Maclaurin series. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 4) return Math.sign(x); // within 2e-8
  let [term, sum] = [a, a];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (-a * a) / n;
    sum += term / (2 * n + 1);
  }
  return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
}

const activations: Readonly<Record<string, (x: number) => number>> = {
  "torch.nn.modules.activation.Tanh": Math.tanh,
  "torch.nn.modules.linear.Identity": (x) => x,
  "torch.nn.modules.activation.ReLU": (x) => Math.max(0, x),
  "torch.nn.modules.activation.Sigmoid": (x) => 1 / (1 + Math.exp(-x)),
  "torch.nn.modules.activation.SiLU": (x) => x / (1 + Math.exp(-x)),
  "torch.nn.modules.activation.GELU": (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
};

/** A dense layer over the pooled vector: f(W x + b), and x or its projection besides where it is residual. */
async function readDense(files: FileSource, path: string): Promise<VectorStep> {
  const config = await configOf(files, path);
  const name = config.activation_function ?? "torch.nn.modules.activation.Tanh";
  const activate = ownEntry(activations, name);
  if (!activate)
    throw new LecternError(
      "unsupported",
      `${path}/config.json: activation_function ${JSON.stringify(name)} is not supported; supported are ${Object.keys(activations).join(", ")}`,
    );
  const read = config.module_input_name ?? "sentence_embedding";
  check(
    read === "sentence_embedding" && (config.module_output_name ?? read) === read,
    "unsupported",
    () => `${path}/config.json: a dense layer over ${JSON.stringify(read)} is not supported`,
  );
  const project = await readLinear(files, path, "linear", config.bias !== false);
  if (config.use_residual !== true) return (x) => project(x).map(activate);
  const isSame = config.in_features === config.out_features;
  const rest = isSame ? (x: Float32Array) => x : await readLinear(files, path, "residual", false);
  return (x) => {
    const besides = rest(x);
    return project(x).map((y, i) => activate(y) + (besides[i] as number));
  };
}

async function readLinear(files: FileSource, path: string, layer: string, hasBias: boolean): Promise<VectorStep> {
  const [file, pickled] = [`${path}/model.safetensors`, `${path}/pytorch_model.bin`];
  if (!(await files.has(file)) && (await files.has(pickled))) throw pickleRefused(files.location, pickled);
  const checkpoint = await openSafetensors(files, file);
  const values = async (name: string, shape: readonly number[]): Promise<Float32Array> => {
    const tensor = await checkpoint.read(name);
    check(
      tensor.shape.join() === shape.join(),
      "file",
      () => `${file}: ${name} must be [${shape.join(", ")}]; got [${tensor.shape.join(", ")}]`,
    );
    return Float32Array.from(toFloat32(tensor.dtype, tensor.data));
  };
  const { shape } = checkpoint.info(`${layer}.weight`);
  check(shape.length === 2, "file", () => `${file}: ${layer}.weight must be a matrix; got [${shape.join(", ")}]`);
  const [outSize, inSize] = shape as [number, number];
  const weight = await values(`${layer}.weight`, [outSize, inSize]);
  const bias = hasBias ? await values(`${layer}.bias`, [outSize]) : undefined;
  return (x) => {
    check(
      x.length === inSize,
      "config",
      () => `${path}: the dense layer takes vectors of ${inSize} numbers; got ${x.length} from the module before it`,
    );
    const y = new Float32Array(outSize);
    for (let o = 0; o < outSize; o++) {
      let sum = bias?.[o] ?? 0;
      for (let i = 0; i < inSize; i++) sum += (weight[o * inSize + i] as number) * (x[i] as number);
      y[o] = sum;
    }
    return y;
  };
}
