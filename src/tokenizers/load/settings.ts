import { isId, isPart, type Part } from "../json.ts";

/** The settings of a directory's tokenizer beside the vocabulary. */
export interface Settings {
  /** `tokenizer_config.json` over `special_tokens_map.json`. */
  readonly config: Part;
  /** `tokenizer_config.json` alone. */
  readonly own: Part;
  /** `special_tokens_map.json`. */
  readonly special: Part;
  /** `added_tokens.json`. */
  readonly added: Part;
  /** `config.json`. */
  readonly model: Part;
  /** The model's `model_type`, or its tokenizer's class in lower case: `t5`, `xlmroberta`. */
  readonly family: string;
}

/** An entry of `added_tokens`. */
export interface AddedEntry {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly single_word: boolean;
}

/** The family's name without what differs in spelling: `XLMRobertaTokenizerFast` and `xlm-roberta` are the same. */
export function familyOf(config: Part, model: Part): string {
  const name = String(config.tokenizer_class ?? model.tokenizer_class ?? model.model_type ?? "");
  const known = /^PreTrainedTokenizer(Fast)?$|^TokenizersBackend$/.test(name) ? String(model.model_type ?? "") : name;
  return known
    .replace(/Tokenizer(Fast)?$/, "")
    .replace(/[-_]/g, "")
    .toLowerCase();
}

/** The text of a special token that the settings name. */
export function specialText({ config }: Settings, name: string, otherwise: string): string {
  const value = config[`${name}_token`];
  if (typeof value === "string") return value;
  return isPart(value) && typeof value.content === "string" ? value.content : otherwise;
}

/** An added token that is special and found as it is. */
export function special(id: number, content: string, lstrip = false): AddedEntry {
  return { id, content, special: true, normalized: false, lstrip, rstrip: false, single_word: false };
}

/** A converter's own added tokens, and over them what the directory lists. */
export function addedTokens(own: readonly AddedEntry[], { config, added }: Settings): AddedEntry[] {
  const byId = new Map(own.map((token) => [token.id, token]));
  const known = new Set(own.map(({ content }) => content));
  for (const [content, id] of Object.entries(added))
    if (isId(id) && !known.has(content)) byId.set(id, { ...special(id, content), special: isNamed(config, content) });
  for (const [key, token] of Object.entries(isPart(config.added_tokens_decoder) ? config.added_tokens_decoder : {})) {
    const id = Number(key);
    if (isId(id) && isPart(token) && typeof token.content === "string") byId.set(id, entryOf(id, token.content, token));
  }
  return [...byId.values()].filter(({ content }) => content !== "").sort((a, b) => a.id - b.id);
}

function entryOf(id: number, content: string, token: Part): AddedEntry {
  return {
    id,
    content,
    special: token.special === true,
    normalized: token.normalized === true,
    lstrip: token.lstrip === true,
    rstrip: token.rstrip === true,
    single_word: token.single_word === true,
  };
}

const isNamed = (config: Part, content: string): boolean =>
  [...Object.values(config), ...[config.additional_special_tokens, config.extra_special_tokens].flat()].some(
    (value) => value === content || (isPart(value) && value.content === content),
  );

/** A template of texts `$A`, `$B` (with a type behind a colon) and tokens. */
export function templateOf(single: string, pair: string, ids: (token: string) => number): object {
  const tokens: Record<string, object> = {};
  const pieces = (text: string): object[] =>
    text.split(" ").map((piece) => {
      const [, name = piece, type = "0"] = /^(.+?)(?::(\d))?$/.exec(piece) ?? [];
      if (name === "$A" || name === "$B") return { Sequence: { id: name.slice(1), type_id: Number(type) } };
      tokens[name] = { id: name, ids: [ids(name)], tokens: [name] };
      return { SpecialToken: { id: name, type_id: Number(type) } };
    });
  return { type: "TemplateProcessing", single: pieces(single), pair: pieces(pair), special_tokens: tokens };
}
