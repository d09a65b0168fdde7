import { ownEntry } from "../../common/index.ts";
import type { Part } from "../json.ts";

/** The tokenizer class that transformers 5 registers for a `model_type`; "" is the one that takes files as they are. */
const REGISTERED: Readonly<Record<string, string>> = {
  albert: "AlbertTokenizer",
  bart: "RobertaTokenizer",
  bert: "BertTokenizer",
  big_bird: "BigBirdTokenizer",
  "deberta-v2": "DebertaV2Tokenizer",
  distilbert: "BertTokenizer",
  electra: "BertTokenizer",
  gemma: "GemmaTokenizer",
  gemma2: "GemmaTokenizer",
  gemma3_text: "GemmaTokenizer",
  gpt2: "GPT2Tokenizer",
  gpt_neox: "GPTNeoXTokenizer",
  led: "RobertaTokenizer",
  longformer: "RobertaTokenizer",
  m2m_100: "M2M100Tokenizer",
  marian: "MarianTokenizer",
  mbart: "MBartTokenizer",
  mistral: "",
  mixtral: "",
  modernbert: "",
  mt5: "T5Tokenizer",
  olmo2: "",
  pegasus: "PegasusTokenizer",
  phi3: "",
  qwen2: "Qwen2Tokenizer",
  qwen3: "Qwen2Tokenizer",
  qwen3_moe: "Qwen2Tokenizer",
  roberta: "RobertaTokenizer",
  t5: "T5Tokenizer",
  "xlm-roberta": "XLMRobertaTokenizer",
};

/** Model types whose published files name the wrong class, which transformers therefore leaves out of account. */
const MISNAMED: ReadonlySet<string> = new Set(["modernbert", "phi3", "qwen2"]);

/** Other names of a class. */
const ALIASES: Readonly<Record<string, string>> = {
  BartTokenizer: "RobertaTokenizer",
  ConvBertTokenizer: "BertTokenizer",
  DistilBertTokenizer: "BertTokenizer",
  ElectraTokenizer: "BertTokenizer",
  LEDTokenizer: "RobertaTokenizer",
  LongformerTokenizer: "RobertaTokenizer",
  MobileBertTokenizer: "BertTokenizer",
  SqueezeBertTokenizer: "BertTokenizer",
};

const named = (name: string): string => {
  const plain = name.replace(/Fast$/, "");
  return Object.hasOwn(ALIASES, plain) ? (ALIASES[plain] as string) : plain;
};

/**
 * The class, without `Fast`, that transformers' `AutoTokenizer` makes of a directory; "" for the one that takes
 * `tokenizer.json` as it is.
 * @param config `tokenizer_config.json`
 * @param model `config.json`
 */
export function tokenizerClass(config: Part, model: Part): string {
  const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
  const own = text(config.tokenizer_class) ?? text(model.tokenizer_class);
  const type = text(model.model_type) ?? "";
  const registered = ownEntry(REGISTERED, type);
  if (own === undefined) return registered ?? "";
  if (registered === undefined || named(own) === named(registered)) return named(own);
  if (registered === "") return "";
  return MISNAMED.has(type) ? registered : named(own);
}
