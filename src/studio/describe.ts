import { classesOf } from "../explain/index.ts";
import { type Model, traitsOf } from "../inference/index.ts";

/** What the studio knows of a model before any text. */
export interface StudioModel {
  readonly family: string;
  readonly kind: Model["kind"];
  readonly layers: number;
  readonly heads: number;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  /** In tokens; null: no limit. */
  readonly contextWindow: number | null;
  readonly parameterCount: number;
  readonly precision: string;
  readonly hasTokenizer: boolean;
  /** The names of a classifier's classes; null for other models. */
  readonly classes: readonly string[] | null;
  readonly generationConfig: Readonly<Record<string, unknown>>;
  /** The token that an encoder–decoder's answer starts from. */
  readonly startToken: number | null;
  readonly endToken: number | null;
  /** The texts that name a task before the input, such as "translate English to German: ". */
  readonly prefixes: readonly string[];
  /** The keys and values that a transformer keeps of each token, as a count of numbers. */
  readonly numbersPerToken: number;
  /** The numbers of a recurrent model's state. */
  readonly numbersOfState: number;
  /** The token that stands for a missing word, of a model that predicts such words; null for others. */
  readonly maskToken: string | null;
  /** True if `generate` fills in a text. */
  readonly generates: boolean;
}

/** Describes a model to the studio. */
export function describeModel(model: Model): StudioModel {
  const { config, generationConfig, contextWindow } = model;
  const number = (...names: string[]): number =>
    Number(names.map((name) => config[name]).find((value) => typeof value === "number") ?? 0);
  const classes = classesOf(model);
  const end = [generationConfig.eos_token_id ?? config.eos_token_id].flat()[0];
  const start = generationConfig.decoder_start_token_id ?? config.decoder_start_token_id;
  return {
    family: model.family,
    kind: model.kind,
    layers: number("num_hidden_layers", "n_layer", "num_layers", "decoder_layers"),
    heads: number("num_attention_heads", "n_head", "decoder_attention_heads", "num_heads"),
    hiddenSize: number("hidden_size", "n_embd", "d_model"),
    vocabularySize: number("vocab_size"),
    contextWindow: Number.isFinite(contextWindow) ? contextWindow : null,
    parameterCount: model.parameterCount,
    precision: model.precision,
    hasTokenizer: model.tokenizer !== undefined,
    classes: classes ? Object.values(classes) : null,
    generationConfig,
    startToken: typeof start === "number" && model.isEncoderDecoder ? start : null,
    endToken: typeof end === "number" ? end : null,
    prefixes: prefixesOf(config),
    ...keptNumbers(model, number),
    maskToken: maskTokenOf(model),
    generates: !model.isEncoder,
  };
}

function maskTokenOf({ config, tokenizer }: Model): string | null {
  const [architecture] = [config.architectures].flat();
  const id = /MaskedLM$|ForPreTraining$/.test(String(architecture)) ? tokenizer?.specialId("mask_token") : undefined;
  return id === undefined ? null : (tokenizer?.token(id) ?? null);
}

/** The counts of numbers that a model keeps from token to token. */
function keptNumbers(
  { kind, config, kept }: Model,
  number: (...names: string[]) => number,
): Pick<StudioModel, "numbersPerToken" | "numbersOfState"> {
  const [layers, size] = [
    number("num_hidden_layers", "n_layer", "num_layers", "decoder_layers"),
    number("hidden_size", "n_embd", "d_model"),
  ];
  const { isRecurrent, isCausal } = traitsOf(kind);
  if (isRecurrent) return { numbersPerToken: 0, numbersOfState: layers * size * (config.cell === "lstm" ? 2 : 1) };
  const heads = number("num_attention_heads", "n_head", "decoder_attention_heads", "num_heads");
  const keyHeads = number("num_key_value_heads") || heads;
  const headSize = number("head_dim", "d_kv") || size / Math.max(1, heads);
  const attending = kept?.attentionLayers ?? layers;
  return { numbersPerToken: isCausal ? 2 * attending * keyHeads * headSize : 0, numbersOfState: kept?.stateSize ?? 0 };
}

function prefixesOf({ prefix, task_specific_params: tasks }: Model["config"]): string[] {
  const all = Object.values((tasks ?? {}) as Record<string, { prefix?: unknown }>).map((task) => task.prefix);
  return [...new Set([...all, prefix])].filter((text) => typeof text === "string" && text !== "") as string[];
}
