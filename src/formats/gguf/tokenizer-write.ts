import { check, LecternError } from "../../common/index.ts";
import { preTokenizerName } from "./pre-tokenizers.ts";
import { TokenType } from "./vocabulary.ts";
import type { GgufEntry } from "./write.ts";

/** The parts of a `tokenizer.json` that GGUF can say. */
interface TokenizerJson {
  readonly model: {
    readonly type?: string;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges?: readonly (string | readonly [string, string])[];
    readonly byte_fallback?: boolean;
    readonly ignore_merges?: boolean;
  };
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special?: boolean }[];
  readonly normalizer?: Step | null;
  readonly pre_tokenizer?: Step | null;
  readonly post_processor?: Step | null;
  readonly decoder?: unknown;
}

interface Step {
  readonly type: string;
  readonly normalizers?: readonly Step[];
  readonly pretokenizers?: readonly Step[];
  readonly processors?: readonly Step[];
  readonly prepend?: string;
  readonly prepend_scheme?: string;
  readonly add_prefix_space?: boolean;
  readonly single?: readonly { readonly SpecialToken?: { readonly id: string } }[];
}

/** The description of tokens in a model's directory. */
export interface TokenizerSource {
  readonly json: object;
  readonly config: Readonly<Record<string, unknown>>;
  readonly template: string | undefined;
  /** Start, end and padding ids of `config.json`, for what `tokenizer_config.json` does not name. */
  readonly ids: Readonly<Record<string, unknown>>;
  /** Rows of the embedding: ids beyond the tokens get names that stand for nothing. */
  readonly vocabSize: number;
}

/** The `tokenizer.*` metadata of a tokenizer. */
export function tokenizerEntries(source: TokenizerSource): GgufEntry[] {
  const json = source.json as TokenizerJson;
  check(
    (json.model.type ?? "BPE") === "BPE",
    "unsupported",
    () => `export: a tokenizer of type ${json.model.type} cannot be written as GGUF; BPE can`,
  );
  const isByteLevel = JSON.stringify(json.decoder ?? null).includes('"ByteLevel"');
  const { tokens, types } = vocabularyOf(json, source.vocabSize, isByteLevel);
  const kind = isByteLevel ? byteLevelEntries(json) : sentencePieceEntries(json, tokens);
  const template: GgufEntry[] =
    source.template === undefined ? [] : [["tokenizer.chat_template", "string", source.template]];
  return [
    ["tokenizer.ggml.model", "string", isByteLevel ? "gpt2" : "llama"],
    ...kind,
    ["tokenizer.ggml.tokens", "strings", tokens],
    ["tokenizer.ggml.token_type", "i32s", types],
    ...specialEntries(source, json, tokens),
    ...template,
  ];
}

const steps = (step: Step | null | undefined): readonly Step[] =>
  step
    ? [step, ...[...(step.normalizers ?? []), ...(step.pretokenizers ?? []), ...(step.processors ?? [])].flatMap(steps)]
    : [];

function vocabularyOf(
  { model, added_tokens: added = [] }: TokenizerJson,
  size: number,
  isByteLevel: boolean,
): { tokens: string[]; types: number[] } {
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types = Array.from({ length: size }, (): number => TokenType.unused);
  const put = (id: number, token: string, type: number): void => {
    check(id < size, "config", () => `export: token ${token} has id ${id}, the embedding ${size} rows`);
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of Object.entries(model.vocab)) {
    const isByte = !isByteLevel && model.byte_fallback === true && /^<0x[0-9A-F]{2}>$/.test(token);
    put(id, token, isByte ? TokenType.byte : TokenType.normal);
  }
  const unknown = (model as { unk_token?: string }).unk_token;
  for (const { id, content, special } of added) {
    const type = content === unknown ? TokenType.unknown : special ? TokenType.control : TokenType.userDefined;
    put(id, content, type);
  }
  return { tokens, types };
}

function byteLevelEntries(json: TokenizerJson): GgufEntry[] {
  const pre = preTokenizerName(json);
  if (pre === undefined)
    throw new LecternError(
      "unsupported",
      "export: this tokenizer cuts text in a way that has no name in GGUF (tokenizer.ggml.pre)",
    );
  const merges = pairsOf(json).map((pair) => pair.join(" "));
  return [
    ["tokenizer.ggml.pre", "string", pre],
    ["tokenizer.ggml.merges", "strings", merges],
  ];
}

function pairsOf({ model }: TokenizerJson): readonly (readonly [string, string])[] {
  return (model.merges ?? []).map((merge) =>
    typeof merge === "string" ? (merge.split(" ") as [string, string]) : merge,
  );
}

/** Steps that SentencePiece's BPE of GGUF takes by itself. */
const known = new Set(["Sequence", "Prepend", "Replace", "Metaspace", "Split"]);

/** A token's score falls with the place of the first merge that makes it. */
function sentencePieceEntries(json: TokenizerJson, tokens: readonly string[]): GgufEntry[] {
  const before = [...steps(json.normalizer), ...steps(json.pre_tokenizer)];
  const other = before.find(({ type }) => !known.has(type));
  check(!other, "unsupported", () => `export: a tokenizer with the step ${other?.type} cannot be written as GGUF`);
  const prefix = before.some(
    ({ type, prepend, prepend_scheme: scheme, add_prefix_space: space }) =>
      (type === "Prepend" && prepend === "▁") ||
      (type === "Metaspace" && (scheme ?? (space === false ? "never" : "always")) !== "never"),
  );
  const places = new Map<string, number>();
  for (const [place, pair] of pairsOf(json).entries()) {
    const token = pair.join("");
    if (!places.has(token)) places.set(token, place);
  }
  const worst = places.size === 0 ? 0 : -(json.model.merges?.length ?? 0);
  const scores = tokens.map((token) =>
    token.length > 1 && places.has(token) ? -(places.get(token) as number) : worst,
  );
  return [
    ["tokenizer.ggml.pre", "string", "default"],
    ["tokenizer.ggml.scores", "f32s", scores],
    ["tokenizer.ggml.add_space_prefix", "bool", prefix],
  ];
}

function specialEntries({ config, ids }: TokenizerSource, json: TokenizerJson, tokens: readonly string[]): GgufEntry[] {
  const idOf = (name: "bos" | "eos" | "unk" | "pad"): number | undefined => {
    const named = config[`${name}_token`];
    const content = typeof named === "string" ? named : (named as { content?: string } | null | undefined)?.content;
    const id = content === undefined ? -1 : tokens.indexOf(content);
    const other = ids[`${name}_token_id`];
    const first: unknown = Array.isArray(other) ? other[0] : other;
    return id >= 0 ? id : typeof first === "number" ? first : undefined;
  };
  const [bos, eos] = [idOf("bos"), idOf("eos")];
  const parts = steps(json.post_processor).find(({ type }) => type === "TemplateProcessing")?.single ?? [{}];
  const around = parts.map(({ SpecialToken: token }) => (token ? tokens.indexOf(token.id) : undefined));
  const text = around.indexOf(undefined);
  const [before, after] = [around.slice(0, text), around.slice(text + 1)];
  const fits = [before, after].every(
    (some, i) => some.length === 0 || (some.length === 1 && some[0] === [bos, eos][i]),
  );
  check(fits, "unsupported", () => "export: this tokenizer adds more to a text than a start and an end token");
  const given = { bos_token_id: bos, eos_token_id: eos, unknown_token_id: idOf("unk"), padding_token_id: idOf("pad") };
  const entries = Object.entries(given).flatMap(([key, id]): GgufEntry[] =>
    id === undefined ? [] : [[`tokenizer.ggml.${key}`, "u32", id]],
  );
  return [
    ...entries,
    ["tokenizer.ggml.add_bos_token", "bool", before.length > 0],
    ["tokenizer.ggml.add_eos_token", "bool", after.length > 0],
  ];
}
