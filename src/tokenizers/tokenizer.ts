import { Template } from "@huggingface/jinja";
import { Tokenizer as Core } from "@huggingface/tokenizers";
import { LecternError } from "../common/index.ts";
import type { FileSource } from "../runtime/index.ts";
import { isByteToken, mendByteFallback } from "./byte-fallback.ts";
import { alignOffsets, type Offset, offsetKind, type TokenizerJson } from "./offsets.ts";
import { StreamDecoder } from "./stream-decoder.ts";
import { splitAtWords } from "./word-split.ts";

/** One turn of a conversation. */
export interface Message {
  readonly role: string;
  readonly content: string;
}

export interface EncodeOptions {
  /** A second text, joined as the tokenizer's template says. */
  readonly pair?: string;
  /** Start and end tokens and the like; default true. */
  readonly addSpecialTokens?: boolean;
  /** Also where each token stands in the text; takes as long again. */
  readonly offsets?: boolean;
}

export interface Encoding {
  readonly ids: number[];
  readonly tokens: string[];
  /**
   * Where each token stands in the text, in code points; [0, 0] for tokens that the template adds. Absent for pairs
   * and for tokenizers that rewrite their text (WordPiece, unigram).
   */
  readonly offsets?: readonly Offset[];
}

/** The tokenizer a model was trained with: `tokenizer.json`, `tokenizer_config.json` and a chat template. */
export class Tokenizer {
  readonly #core: Core;
  readonly #config: Readonly<Record<string, unknown>>;
  readonly #template: string | undefined;
  readonly #json: TokenizerJson;
  readonly #hasByteTokens: boolean;
  /** Byte-level tokens hold every space of the text, so there is nothing to clean up, whatever the config says. */
  readonly #isByteLevel: boolean;

  constructor(json: object, config: Readonly<Record<string, unknown>>, template: string | undefined) {
    this.#core = new Core(json, config);
    splitAtWords(this.#core);
    this.#config = config;
    this.#template = template;
    this.#json = json;
    this.#isByteLevel = JSON.stringify((json as { decoder?: unknown }).decoder ?? null).includes('"ByteLevel"');
    this.#hasByteTokens = mendByteFallback(this.#core.decoder);
  }

  /** One more than the largest id. */
  get vocabularySize(): number {
    let largest = -1;
    for (const id of this.#core.get_vocab().values()) largest = Math.max(largest, id);
    return largest + 1;
  }

  encode(text: string, { pair, addSpecialTokens = true, offsets: withOffsets = false }: EncodeOptions = {}): Encoding {
    const options = { text_pair: pair?.toWellFormed() ?? null, add_special_tokens: addSpecialTokens };
    const { ids, tokens } = this.#core.encode(text.toWellFormed(), options);
    const offsets = withOffsets && pair === undefined ? this.#offsets(text.toWellFormed(), ids) : undefined;
    return { ids, tokens, ...(offsets && { offsets }) };
  }

  #offsets(text: string, ids: readonly number[]): Offset[] | undefined {
    const kind = offsetKind(this.#json);
    if (!kind) return undefined;
    const inner = this.#core.encode(text, { add_special_tokens: false });
    const before = ids.length - inner.ids.length - this.#trailing(ids, inner.ids);
    const added = new Set(this.#json.added_tokens?.map(({ content }) => content));
    const aligned = alignOffsets(text, inner.tokens, kind, added);
    return ids.map((_, i) => aligned[i - before] ?? [0, 0]);
  }

  /** How many tokens the template puts behind the text's own. */
  #trailing(ids: readonly number[], inner: readonly number[]): number {
    const most = ids.length - inner.length;
    for (let count = 0; count <= most; count++) {
      const start = most - count;
      if (inner.every((id, i) => ids[start + i] === id)) return count;
    }
    return 0;
  }

  decode(ids: readonly number[], { skipSpecialTokens = false }: { skipSpecialTokens?: boolean } = {}): string {
    if (ids.length === 0) return "";
    const clean = this.#config.clean_up_tokenization_spaces === true && !this.#isByteLevel;
    return this.#core.decode([...ids], { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: clean });
  }

  token(id: number): string | undefined {
    return this.#core.id_to_token(id);
  }

  /** Decodes ids one by one; half a character waits for its other half. */
  stream(options: { skipSpecialTokens?: boolean } = {}): StreamDecoder {
    const waits = (id: number): boolean => this.#hasByteTokens && isByteToken(this.token(id));
    return new StreamDecoder((ids) => this.decode(ids, options), waits);
  }

  /** A conversation as the text the model was trained on; throws where the model has no chat template. */
  applyChatTemplate(
    messages: readonly Message[],
    { addGenerationPrompt = true }: { addGenerationPrompt?: boolean } = {},
  ): string {
    if (this.#template === undefined)
      throw new LecternError("input", "this model has no chat template: give it a prompt instead of messages");
    const special = Object.fromEntries(
      ["bos_token", "eos_token", "pad_token", "unk_token"].map((key) => [key, tokenText(this.#config[key])]),
    );
    try {
      return new Template(this.#template).render({
        messages: [...messages],
        add_generation_prompt: addGenerationPrompt,
        ...special,
      });
    } catch (cause) {
      throw new LecternError(
        "input",
        `the model's chat template refuses the conversation: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
}

function tokenText(token: unknown): string | undefined {
  if (typeof token === "string") return token;
  return (token as { content?: string } | undefined)?.content;
}

/** Reads a directory's tokenizer; undefined where it has no `tokenizer.json`. */
export async function loadTokenizer(files: FileSource): Promise<Tokenizer | undefined> {
  if (!(await files.has("tokenizer.json"))) return undefined;
  const read = async (name: string): Promise<Record<string, unknown>> => {
    try {
      return JSON.parse(await files.readText(name)) as Record<string, unknown>;
    } catch (cause) {
      throw new LecternError("file", `${files.location}: ${name} cannot be read: ${(cause as Error).message}`, {
        cause,
      });
    }
  };
  const json = await read("tokenizer.json");
  const config = (await files.has("tokenizer_config.json")) ? await read("tokenizer_config.json") : {};
  const inFile = (await files.has("chat_template.jinja")) ? await files.readText("chat_template.jinja") : undefined;
  const inConfig = typeof config.chat_template === "string" ? config.chat_template : undefined;
  try {
    return new Tokenizer(json, config, inFile ?? inConfig);
  } catch (cause) {
    throw new LecternError(
      "file",
      `${files.location}: tokenizer.json is not a tokenizer: ${(cause as Error).message}`,
      { cause },
    );
  }
}
