import { check, LecternError, shown } from "../../common/index.ts";
import type { LinearAdapter } from "../../nn/index.ts";
import { wholeTest } from "../../tokenizers/index.ts";
import { isEmbedding } from "../tied-embeddings.ts";

/** A LoRA adapter's settings: PEFT's `adapter_config.json`, in camel case. */
export interface LoraConfig {
  /** The rank of the update matrices. */
  readonly r: number;
  /** The scaling numerator: the update is multiplied by α / r. */
  readonly loraAlpha: number;
  /** Endings of paths, `all-linear`, or a regular expression that a whole path must match. */
  readonly targetModules: readonly string[] | string;
  /** Layers that are left out, in the form of `targetModules`. */
  readonly excludeModules?: readonly string[] | string | undefined;
  /** Ranks and alphas that differ, by the end of a path. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  /** Alphas that differ, by the end of a path. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** Layers, by number; default all. */
  readonly layersToTransform?: readonly number[] | undefined;
  /** Names of the lists of layers that these numbers count in; default any. */
  readonly layersPattern?: readonly string[];
  /** Modules that are learned whole, beside. */
  readonly modulesToSave?: readonly string[] | undefined;
  /** True if an embedding table that is trained whole stays tied to the output layer. */
  readonly ensureWeightTying?: boolean;
  /** Rows of tables of embeddings that an adapter replaces, by the table's name; "" is the table that embeds words. */
  readonly trainableTokens?: Readonly<Record<string, readonly number[]>>;
  /** The dropout rate of what the change reads. */
  readonly loraDropout?: number | undefined;
  /** True if the update is scaled by α / √r instead (rsLoRA). */
  readonly useRslora?: boolean;
  /** True if magnitude and direction are trained separately (DoRA). */
  readonly useDora?: boolean;
}

/** Layers that give what a model says: not among `all-linear`. */
const OUTER = /(^|\.)(lm_head|embed_out|score|classifier|out_proj_head|qa_outputs|decoder|linear)$|^classifier\./;

/** True if a path is a module of that name. */
export const endsWith = (path: string, name: string): boolean => path === name || path.endsWith(`.${name}`);

/** True if a path is a module of that name, or lies in one. */
export const liesIn = (path: string, name: string): boolean => `.${path}.`.includes(`.${name}.`);

/** A test of whether a whole path matches one of PEFT's patterns, which are in Python's syntax. */
function pythonTest(patterns: readonly string[]): (path: string) => boolean {
  return wholeTest(
    patterns.map((source) => {
      const [flags = "", letters = ""] = /^\(\?([ims]+)\)/.exec(source) ?? [];
      const set = [...new Set(letters)]
        .filter((letter) => letter !== "m")
        .map((letter) => (letter === "s" ? "m" : letter));
      return `${set.length > 0 ? `(?${set.join("")})` : ""}${source.slice(flags.length).replaceAll("(?P<", "(?<")}`;
    }),
    "adapter_config.json",
  );
}

/** A test of whether a module is one of those that are named by endings or by a pattern. */
function namedTest(names: readonly string[] | string): (path: string) => boolean {
  if (names === "all-linear") return (path) => !OUTER.test(path);
  if (typeof names === "string") return pythonTest([names]);
  return (path) => names.some((name) => endsWith(path, name));
}

/** The value of the pattern that names a path, as PEFT looks it up: a regular expression for its end. */
function patternedValue(patterns: Readonly<Record<string, number>> = {}, fallback: number): (path: string) => number {
  const entries = Object.entries(patterns).map(([key, value]) => ({
    test: pythonTest([`(?:.*\\.)?(?:${key})`]),
    value,
  }));
  return (path) => entries.find(({ test }) => test(path))?.value ?? fallback;
}

/** A test of whether a path lies in one of the layers that an adapter changes. */
function layerTest({ layersToTransform: layers, layersPattern = [] }: LoraConfig): (path: string) => boolean {
  if (!layers || layers.length === 0) return () => true;
  if (layersPattern.length === 0)
    return (path) => layers.includes(Number(/^.*?\.[^.]*\.(\d+)\./.exec(path)?.[1] ?? -1));
  const tests = layers.map((layer) => pythonTest(layersPattern.map((name) => `(?:.*\\.)?(?:${name})\\.${layer}\\..*`)));
  return (path) => tests.some((isIn) => isIn(path));
}

/** The linear layers that an adapter changes, with the kind of change. */
export function adapterPlan(config: LoraConfig): (path: string) => (LinearAdapter & { kind: "learned" }) | undefined {
  const changeOf = modulePlan(config);
  return (path) => {
    const change = isEmbedding(path) ? undefined : changeOf(path);
    if (!change) return undefined;
    return { kind: "learned", ...change, dora: config.useDora ?? false, dropout: config.loraDropout ?? 0 };
  };
}

/** The rank and the scale of the change of each module that an adapter targets, of whatever kind. */
export function modulePlan(config: LoraConfig): (path: string) => { rank: number; scale: number } | undefined {
  const { targetModules, excludeModules, modulesToSave = [] } = config;
  const isTarget = namedTest(targetModules);
  const isExcluded = excludeModules === undefined ? () => false : namedTest(excludeModules);
  const [rankOf, alphaOf] = [
    patternedValue(config.rankPattern, config.r),
    patternedValue(config.alphaPattern, config.loraAlpha),
  ];
  const isPattern = typeof targetModules === "string" && targetModules !== "all-linear";
  const isInLayers = isPattern ? () => true : layerTest(config);
  return (path) => {
    if (modulesToSave.some((name) => liesIn(path, name))) return undefined;
    if (targetModules === "all-linear" && isEmbedding(path)) return undefined;
    if (!isTarget(path) || isExcluded(path) || !isInLayers(path)) return undefined;
    const [rank, alpha] = [rankOf(path), alphaOf(path)];
    return { rank, scale: config.useRslora ? alpha / Math.sqrt(rank) : alpha / rank };
  };
}

/** Settings of PEFT that would change what is computed and are not available, and the values that do not. */
const refused: Readonly<Record<string, readonly unknown[]>> = {
  use_qalora: [false],
  use_bdlora: [],
  layer_replication: [],
  lora_bias: [false],
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
  const read = new Fields(json);
  const layers = json.layers_to_transform;
  return {
    r: read.number("r", 8, Number.isInteger),
    loraAlpha: read.number("lora_alpha", 8),
    targetModules: read.targets(),
    excludeModules: read.names("exclude_modules"),
    rankPattern: read.numbers("rank_pattern", Number.isInteger),
    alphaPattern: read.numbers("alpha_pattern"),
    layersToTransform: layers === undefined || layers === null ? undefined : read.layers([layers].flat()),
    layersPattern: [read.names("layers_pattern") ?? []].flat(),
    modulesToSave: read.list("modules_to_save"),
    loraDropout: json.lora_dropout ? read.number("lora_dropout", 0, (share) => share < 1) : undefined,
    trainableTokens: read.tokens("trainable_token_indices"),
    ensureWeightTying: read.flag("ensure_weight_tying"),
    useRslora: read.flag("use_rslora"),
    useDora: read.flag("use_dora"),
  };
}

type Names = readonly string[];

/** Reads the fields of `adapter_config.json` with their types checked. */
class Fields {
  readonly #json: Readonly<Record<string, unknown>>;

  constructor(json: Readonly<Record<string, unknown>>) {
    this.#json = json;
  }

  /** The adapted layers; an adapter that only replaces tokens names none. */
  targets(): Names | string {
    const targets = this.names("target_modules");
    const isNamed = targets !== undefined || Object.keys(this.tokens("trainable_token_indices")).length > 0;
    check(isNamed, "config", () => "adapter_config.json: target_modules must name the layers; got nothing");
    return targets ?? [];
  }

  number(key: string, fallback: number, fits: (value: number) => boolean = Number.isFinite): number {
    const value = this.#json[key] ?? fallback;
    check(typeof value === "number" && value > 0 && fits(value), "config", () => this.#wrong(key, "a number above 0"));
    return value;
  }

  numbers(key: string, fits: (value: number) => boolean = Number.isFinite): Readonly<Record<string, number>> {
    const value = this.#json[key] ?? {};
    const isTable = typeof value === "object" && !Array.isArray(value);
    const values = isTable ? Object.values(value) : [undefined];
    check(
      values.every((one) => typeof one === "number" && one > 0 && fits(one)),
      "config",
      () => this.#wrong(key, "an object of numbers above 0"),
    );
    return value as Readonly<Record<string, number>>;
  }

  /** A list of names, or a text. */
  names(key: string): Names | string | undefined {
    const value = this.#json[key] ?? undefined;
    if (typeof value === "string") return value;
    check(value === undefined || isNames(value), "config", () => this.#wrong(key, "a list of names, or a text"));
    return value;
  }

  list(key: string): Names | undefined {
    const value = this.#json[key] ?? undefined;
    check(value === undefined || isNames(value), "config", () => this.#wrong(key, "a list of names"));
    return value;
  }

  /** Ids, or an object of them by the name of a table. */
  tokens(key: string): Readonly<Record<string, readonly number[]>> {
    const value = this.#json[key] ?? {};
    const tables: Readonly<Record<string, unknown>> = Array.isArray(value) ? { "": value } : Object(value);
    const isIds = (ids: unknown): boolean => Array.isArray(ids) && ids.every((id) => Number.isInteger(id) && id >= 0);
    check(typeof value === "object" && Object.values(tables).every(isIds), "config", () =>
      this.#wrong(key, "a list of ids, or an object of such lists"),
    );
    return tables as Readonly<Record<string, readonly number[]>>;
  }

  layers(values: readonly unknown[]): readonly number[] {
    check(
      values.every((value) => Number.isInteger(value)),
      "config",
      () => this.#wrong("layers_to_transform", "a layer's number, or a list of them"),
    );
    return values as number[];
  }

  flag(key: string): boolean {
    const value = this.#json[key] ?? false;
    check(typeof value === "boolean", "config", () => this.#wrong(key, "true or false"));
    return value;
  }

  #wrong(key: string, expected: string): string {
    return `adapter_config.json: ${key} must be ${expected}; got ${JSON.stringify(this.#json[key])}`;
  }
}

const isNames = (value: unknown): value is Names =>
  Array.isArray(value) && value.every((name) => typeof name === "string");

/** The parameters that an adapter learns: its own factors, and the modules that it keeps whole. */
export function isLearned({ modulesToSave = [] }: LoraConfig): (path: string) => boolean {
  return (path) => /\.lora_/.test(path) || modulesToSave.some((name) => liesIn(path.replace(/\.[^.]+$/, ""), name));
}
