import { check, LecternError, parseJson } from "../../common/index.ts";
import type { FileSource } from "../../files/index.ts";
import { readChatTemplates } from "../chat-template.ts";
import { checkDepth, isPart, type Part } from "../json.ts";
import { Tokenizer } from "../tokenizer.ts";
import { fromMarian, fromSentencePiece } from "./from-sentencepiece.ts";
import { fromMerges, fromWordPieces, fromWorld, vocabularyIn } from "./from-vocabulary.ts";
import { readSentencePiece, type SentencePieceModel } from "./sentencepiece-model.ts";
import { familyOf, type Settings } from "./settings.ts";
import { withSettings } from "./with-settings.ts";

/** The largest vocabularies take some megabytes. */
const LARGEST_PIECES = 1 << 28;

/** The names under which SentencePiece models are published. */
const SENTENCEPIECE_FILES = [
  "spiece.model",
  "tokenizer.model",
  "sentencepiece.bpe.model",
  "spm.model",
  "sentencepiece.model",
];

/** The vocabulary of RWKV's World tokenizer. */
const WORLD = "rwkv_vocab_v20230424.txt";

/**
 * Reads a directory's tokenizer: `tokenizer.json`, or what it is made of (`vocab.txt`; `vocab.json` and `merges.txt`; a
 * SentencePiece `.model`; RWKV's `rwkv_vocab_v20230424.txt`), or the characters that `config.json` lists as its `vocab`; undefined where there is none.
 */
export async function loadTokenizer(files: FileSource): Promise<Tokenizer | undefined> {
  const read = new Reader(files);
  const special = await read.object("special_tokens_map.json");
  const own = await read.object("tokenizer_config.json");
  const config = { ...special, ...own };
  const templates = await readChatTemplates(files, config);
  const model = await read.object("config.json");
  const added = await read.object("added_tokens.json");
  const settings = { config, own, special, added, model, family: familyOf(config, model) };
  try {
    const described = await read.json("tokenizer.json");
    const json = described ?? (await convert(read, settings)) ?? characters(model);
    if (json === undefined) return undefined;
    check(isPart(json), "file", () => "tokenizer.json must hold an object");
    checkDepth([own, special, json.normalizer, json.pre_tokenizer, json.post_processor, json.decoder]);
    const settled = withSettings(json, settings, described !== undefined);
    return new Tokenizer(settled.json, settled.config, templates);
  } catch (cause) {
    if (!(cause instanceof LecternError)) throw cause;
    throw new LecternError(cause.code, `${files.location}: the tokenizer cannot be read: ${cause.message}`, { cause });
  }
}

/** The `tokenizer.json` that a directory without one would have. */
async function convert(read: Reader, settings: Settings): Promise<object | undefined> {
  const pieces = await read.text("vocab.txt");
  if (pieces !== undefined) return fromWordPieces(pieces, settings);
  const world = await read.text(WORLD);
  if (world !== undefined) return fromWorld(world, WORLD, settings);
  const vocab = await read.json("vocab.json");
  const source = await read.sentencePiece("source.spm");
  if (source && vocab !== undefined) return fromMarian(source, vocabularyIn(vocab), settings);
  for (const name of SENTENCEPIECE_FILES) {
    const model = await read.sentencePiece(name);
    if (!model) continue;
    if (vocab === undefined) return fromSentencePiece(model, settings);
    throw new LecternError(
      "unsupported",
      `${name} with a vocab.json beside it is not read; save a tokenizer.json with it`,
    );
  }
  const merges = await read.text("merges.txt");
  return vocab === undefined || merges === undefined ? undefined : fromMerges(vocabularyIn(vocab), merges, settings);
}

/** A tokenizer of single characters, in the order of their ids. */
function characters({ vocab }: Part): object | undefined {
  if (!Array.isArray(vocab)) return undefined;
  const ids = Object.fromEntries(vocab.map((character: unknown, id) => [String(character), id]));
  return { model: { type: "BPE", vocab: ids, merges: [] }, decoder: { type: "Fuse" } };
}

/** A directory's files; undefined, or an empty object, for those that it lacks. */
class Reader {
  readonly #files: FileSource;

  constructor(files: FileSource) {
    this.#files = files;
  }

  async text(name: string): Promise<string | undefined> {
    return (await this.#files.has(name)) ? this.#files.readText(name) : undefined;
  }

  async json(name: string): Promise<unknown> {
    const text = await this.text(name);
    if (text === undefined) return undefined;
    return parseJson(text, `${this.#files.location}: ${name}`);
  }

  async object(name: string): Promise<Part> {
    const value = (await this.json(name)) ?? {};
    if (isPart(value)) return value;
    throw new LecternError("file", `${this.#files.location}: ${name} must hold an object`);
  }

  async sentencePiece(name: string): Promise<SentencePieceModel | undefined> {
    if (!(await this.#files.has(name))) return undefined;
    const size = await this.#files.size(name);
    check(
      size <= LARGEST_PIECES,
      "file",
      () => `${name} must have at most ${LARGEST_PIECES} bytes; got ${size}: damaged, or no SentencePiece model`,
    );
    return readSentencePiece(await this.#files.readBytes(name), name);
  }
}
