import { check, isObject, ownEntry, shown } from "../common/index.ts";
import type { CheckpointNames } from "./family.ts";

type Json = Readonly<Record<string, unknown>>;

/** Models that read images or sounds beside text: the type of the text model, where `text_config` names none. */
const wrappers: Readonly<Record<string, string>> = {
  gemma3: "gemma3_text",
  gemma3n: "gemma3n_text",
  gemma4: "gemma4_text",
  idefics3: "llama",
  internvl: "qwen2",
  llava: "llama",
  llava_next: "llama",
  llava_onevision: "qwen2",
  mistral3: "mistral",
  qwen2_5_vl: "qwen2",
  qwen2_vl: "qwen2",
  qwen3_5: "qwen3_5_text",
  qwen3_5_moe: "qwen3_5_moe_text",
  qwen3_vl: "qwen3",
  smolvlm: "llama",
};

/** Text models that have names of their own inside a wrapper. */
const inner: Readonly<Record<string, string>> = {
  qwen2_5_vl_text: "qwen2",
  qwen2_vl_text: "qwen2",
  qwen3_vl_text: "qwen3",
};

/** transformers' values of fields that Qwen-VL's text models leave out, where they are not those of the plain ones. */
const qwen2Text = {
  vocab_size: 152064,
  hidden_size: 8192,
  intermediate_size: 29568,
  num_hidden_layers: 80,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 1e6,
  max_window_layers: 80,
};
const defaults: Readonly<Record<string, Json>> = {
  qwen2_5_vl: qwen2Text,
  qwen2_vl: qwen2Text,
  qwen3_vl: { rope_theta: 500000 },
};

/** Wrappers whose output layer is tied to the table of words where the file does not say. */
const tied: ReadonlySet<string> = new Set(["gemma3", "gemma3n", "gemma4", "internvl", "mistral3"]);

/** Wrappers whose output layer is also tied where `text_config` alone says so. */
const tiedByText: ReadonlySet<string> = new Set(["llava", "llava_onevision", "qwen2_5_vl", "qwen2_vl"]);

/** Fields of `text_config` that a wrapper's own output layer does not read. */
const unread: Readonly<Record<string, Json>> = { gemma3: { final_logit_softcapping: null } };

/** Settings of text that files of these types have beside the others, not in `text_config`. */
const flat: ReadonlySet<string> = new Set(["qwen2_vl", "qwen2_5_vl"]);

/** The text model inside one that also reads images: its config; undefined for other models. */
export function textPart(json: Json): Json | undefined {
  const known = ownEntry(wrappers, json.model_type);
  if (known === undefined) return undefined;
  const given = json.text_config ?? (flat.has(String(json.model_type)) ? json : undefined);
  check(
    isObject(given),
    "config",
    () =>
      `config.json: text_config must be an object, since ${shown(json.model_type)} holds a text model; got ${shown(json.text_config)}`,
  );
  const named = given === json ? known : (given.model_type ?? known);
  const { rope_scaling: scaling, rope_parameters: rotary } = given as {
    rope_scaling?: unknown;
    rope_parameters?: unknown;
  };
  const [architecture = ""] = (json.architectures ?? []) as string[];
  const type = String(json.model_type);
  const isTied = json.tie_word_embeddings ?? tied.has(type);
  return {
    ...ownEntry(defaults, json.model_type),
    ...given,
    model_type: ownEntry(inner, named) ?? named,
    architectures: [/Model$/.test(architecture) ? "TextModel" : "TextForCausalLM"],
    ...((isTied !== false || !tiedByText.has(type)) && { tie_word_embeddings: isTied }),
    ...ownEntry(unread, type),
    ...(named === "mistral" && { layer_types: undefined }), // which makes a Mistral a Ministral outside of wrappers alone
    ...(isObject(scaling) && { rope_scaling: ofText(scaling) }),
    ...(isObject(rotary) && { rope_parameters: ofText(rotary) }),
  };
}

/** Rotary settings of images and text: where there is text alone, its three positions are one. */
function ofText(settings: Json): Json {
  const { mrope_section: _, mrope_interleaved: __, ...rest } = settings;
  const isPlain = (type: unknown): boolean => type === "mrope" || type === "default";
  if (isPlain(rest.rope_type)) return { ...rest, rope_type: "default" };
  if (isPlain(rest.type)) return { ...rest, type: "default" };
  return rest;
}

/** Parameters of the other parts, which text does not read. */
const others =
  /^mtp\.|(^|\.)(vision_tower|vision_model|visual|multi_modal_projector|connector|image_newline|audio_tower|embed_audio|embed_vision)(\.|$)/;

/** The names of a text model's parameters inside a wrapper, in files of transformers 5 and of 4. */
export function wrappedNames(own: CheckpointNames): CheckpointNames {
  const { prefix } = own;
  return {
    ...own,
    otherNames(path) {
      const bare = path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
      const inside =
        bare === undefined
          ? [`language_model.${path}`, `model.${path}`]
          : [
              `model.language_model.${bare}`,
              `language_model.model.${bare}`,
              `language_model.${bare}`,
              `model.text_model.${bare}`,
              `text_model.${bare}`,
            ];
      return [...(own.otherNames?.(path) ?? []), ...inside];
    },
    ignored: new RegExp(`${own.ignored.source}|${others.source}`),
  };
}

/** The notice that only the text of such a model is read; undefined for other models. */
export function wrapperNotice(json: Json, location: string): string | undefined {
  if (ownEntry(wrappers, json.model_type) === undefined) return undefined;
  return `${location}: ${json.model_type} reads images beside text; its text model alone is loaded, and the other weights are left out`;
}
