import { check, isObject, LecternError, shown } from "../common/index.ts";
import type { LinearAdapter } from "../nn/index.ts";
import { isEmbedding } from "./tied-embeddings.ts";

/** A LoRA adapter's settings: PEFT's `adapter_config.json`, in camel case. */
export interface LoraConfig {
  readonly r: number;
  readonly loraAlpha: number;
  /** Endings of paths, `all-linear`, or a regular expression that a whole path must match. */
  readonly targetModules: readonly string[] | string;
  readonly excludeModules?: readonly string[] | string | undefined;
  /** Ranks and alphas that differ, by the end of a path. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** Layers, by number; default all. */
  readonly layersToTransform?: readonly number[] | undefined;
  /** Modules that are learned whole, beside. */
  readonly modulesToSave?: readonly string[] | undefined;
  /** Whether a table of embeddings that is learned whole stays one with the output layer that is tied to it. */
  readonly ensureWeightTying?: boolean;
  /** The share of what the change reads that training drops. */
  readonly loraDropout?: number | undefined;
  readonly useRslora?: boolean;
  readonly useDora?: boolean;
}

/** Layers that give what a model says: not among `all-linear`. */
const OUTER = /(^|\.)(lm_head|embed_out|score|classifier|out_proj_head|qa_outputs|decoder|linear)$|^classifier\./;

/** Whether a path is a module of that name. */
export const endsWith = (path: string, name: string): boolean => path === name || path.endsWith(`.${name}`);

/** Whether a path is a module of that name, or lies in one. */
export const liesIn = (path: string, name: string): boolean => `.${path}.`.includes(`.${name}.`);

/** A regular expression of PEFT's, in Python's syntax, within another. */
function pythonPattern(source: string, within: (source: string) => string): RegExp {
  const [flags = "", named = ""] = /^\(\?([ims]+)\)/.exec(source) ?? [];
  const body = source
    .slice(flags.length)
    .replaceAll("(?P<", "(?<")
    .replace(/\(\?P=(\w+)\)/g, "\\k<$1>");
  try {
    return new RegExp(within(body), named);
  } catch (cause) {
    throw new LecternError(
      "unsupported",
      `adapter_config.json: the pattern ${JSON.stringify(source)} is no regular expression that is read here; write it without what Python alone has, or list the names of the modules`,
      { cause },
    );
  }
}

function isNamed(path: string, names: readonly string[] | string): boolean {
  if (names === "all-linear") return !OUTER.test(path);
  if (typeof names === "string") return pythonPattern(names, (source) => `^(?:${source})$`).test(path);
  return names.some((name) => endsWith(path, name));
}

/** The value of the pattern that names a path, as PEFT looks it up: a regular expression for its end. */
function patterned(path: string, patterns: Readonly<Record<string, number>> | undefined, fallback: number): number {
  const isMatch = (pattern: string): boolean => pythonPattern(pattern, (source) => `^(.*\\.)?(${source})$`).test(path);
  const key = Object.keys(patterns ?? {}).find(isMatch);
  return key === undefined ? fallback : ((patterns as Record<string, number>)[key] as number);
}

/** Which linear layers an adapter changes, and how. */
export function adapterPlan(config: LoraConfig): (path: string) => (LinearAdapter & { kind: "learned" }) | undefined {
  const { targetModules, excludeModules, layersToTransform, modulesToSave = [] } = config;
  return (path) => {
    if (isEmbedding(path) || modulesToSave.some((name) => liesIn(path, name))) return undefined;
    if (!isNamed(path, targetModules) || (excludeModules && isNamed(path, excludeModules))) return undefined;
    const layer = /\.(?:layers?|h|block|blocks)\.(\d+)\./.exec(path)?.[1];
    if (layersToTransform && !layersToTransform.includes(Number(layer ?? -1))) return undefined;
    const rank = patterned(path, config.rankPattern, config.r);
    const alpha = patterned(path, config.alphaPattern, config.loraAlpha);
    const scale = config.useRslora ? alpha / Math.sqrt(rank) : alpha / rank;
    return { kind: "learned", rank, scale, dora: config.useDora ?? false, dropout: config.loraDropout ?? 0 };
  };
}

/** Settings of PEFT that would change what is computed and are not available, and the values that do not. */
const refused: Readonly<Record<string, readonly unknown[]>> = {
  use_qalora: [false],
  use_bdlora: [],
  layer_replication: [],
  lora_bias: [false],
  trainable_token_indices: [],
  target_parameters: [],
  alora_invocation_tokens: [],
};

/** Beginnings that change the base's own weights whenever PEFT loads it. A converted adapter says true here. */
function refuseChangedBase({ init_lora_weights: beginning }: Readonly<Record<string, unknown>>): void {
  const [kind] = (typeof beginning === "string" && /^(pissa|olora|corda|loftq)/i.exec(beginning)) || [];
  if (kind === undefined) return;
  const remedy =
    kind.toLowerCase() === "loftq"
      ? "merge it with PEFT's merge_and_unload"
      : "convert it with PEFT's save_pretrained(…, path_initial_model_for_weight_conversion=…)";
  throw new LecternError(
    "unsupported",
    `adapter_config.json: init_lora_weights = ${JSON.stringify(beginning)} changes the base's own weights, which is not supported; ${remedy}`,
  );
}

type Json = Readonly<Record<string, unknown>>;

/** A field that PEFT may leave out or set to null; one that is another thing is named. */
function field<T>(json: Json, key: string, fits: (value: unknown) => value is T, expected: string): T | undefined {
  const value = json[key] ?? undefined;
  check(
    value === undefined || fits(value),
    "config",
    () => `adapter_config.json: ${key} must be ${expected}; got ${shown(value)}`,
  );
  return value;
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === "string");

function names(json: Json, key: string): string[] | undefined {
  return field(json, key, isNames, "a list of names");
}

function namesOrPattern(json: Json, key: string): string[] | string | undefined {
  const fits = (value: unknown): value is string[] | string => typeof value === "string" || isNames(value);
  return field(json, key, fits, "a list of names, or a text");
}

function numbersByName(json: Json, key: string): Record<string, number> {
  const fits = (value: unknown): value is Record<string, number> =>
    isObject(value) && Object.values(value).every((number) => Number.isFinite(number) && Number(number) > 0);
  return field(json, key, fits, "an object of numbers above 0") ?? {};
}

function layerNumbers(json: Json): number[] | undefined {
  const isLayer = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
  const fits = (value: unknown): value is number | number[] =>
    Array.isArray(value) ? value.every(isLayer) : isLayer(value);
  const layers = field(json, "layers_to_transform", fits, "a layer's number, or a list of them");
  return layers === undefined ? undefined : [layers].flat();
}

/** Reads PEFT's `adapter_config.json`. */
export function parseLoraConfig(json: Readonly<Record<string, unknown>>): LoraConfig {
  if (json.peft_type !== "LORA")
    throw new LecternError(
      "unsupported",
      `adapter_config.json: peft_type ${shown(json.peft_type)} is not supported; LORA is`,
    );
  for (const [key, neutral] of Object.entries(refused)) {
    const value = json[key];
    const isEmpty = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
    if (!isEmpty && !neutral.includes(value))
      throw new LecternError("unsupported", `adapter_config.json: ${key} = ${JSON.stringify(value)} is not supported`);
  }
  refuseChangedBase(json);
  const number = (key: string, fallback: number): number => {
    const value = json[key] ?? fallback;
    check(
      typeof value === "number" && value > 0 && Number.isFinite(value),
      "config",
      () => `adapter_config.json: ${key} must be a number above 0; got ${JSON.stringify(value)}`,
    );
    return value;
  };
  const targets = namesOrPattern(json, "target_modules");
  check(targets !== undefined, "config", () => "adapter_config.json: target_modules must name the layers; got nothing");
  return {
    r: number("r", 8),
    loraAlpha: number("lora_alpha", 8),
    targetModules: targets,
    excludeModules: namesOrPattern(json, "exclude_modules"),
    rankPattern: numbersByName(json, "rank_pattern"),
    alphaPattern: numbersByName(json, "alpha_pattern"),
    layersToTransform: layerNumbers(json),
    modulesToSave: names(json, "modules_to_save"),
    loraDropout: json.lora_dropout ? number("lora_dropout", 0) : undefined,
    ensureWeightTying: json.ensure_weight_tying === true,
    useRslora: json.use_rslora === true,
    useDora: json.use_dora === true,
  };
}

/** What an adapter learns: its own factors, and the modules that it keeps whole. */
export function isLearned({ modulesToSave = [] }: LoraConfig): (path: string) => boolean {
  return (path) => /\.lora_/.test(path) || modulesToSave.some((name) => liesIn(path.replace(/\.[^.]+$/, ""), name));
}
