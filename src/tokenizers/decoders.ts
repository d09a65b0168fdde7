import { LecternError, ownEntry } from "../common/index.ts";
import { joinBytes } from "./byte-fallback.ts";
import { fromByteTokens } from "./byte-level.ts";
import { flagOf, type Part, partsOf, patternOf, textOf, typed } from "./json.ts";
import { compilePattern } from "./regex/index.ts";
import { Text } from "./text.ts";

/** Turns tokens into parts of a text. */
export type Decoder = (tokens: readonly string[]) => readonly string[];

/** The decoder that a `tokenizer.json` describes. */
export function createDecoder(json: unknown): Decoder {
  const part = typed(json, "tokenizer.json: decoder");
  const create = ownEntry(kinds, part.type);
  if (!create)
    throw new LecternError(
      "unsupported",
      `tokenizer.json: decoder ${part.type} is not known; known: ${Object.keys(kinds).join(", ")}`,
    );
  return create(part);
}

const kinds: Readonly<Record<string, (part: Part) => Decoder>> = {
  Sequence: (part) => {
    const steps = partsOf(part, "decoders").map(createDecoder);
    return (tokens) => steps.reduce((parts, step) => step(parts), tokens);
  },
  ByteLevel: () => (tokens) => [fromByteTokens(tokens)],
  ByteFallback: () => joinBytes,
  Fuse: () => (tokens) => [tokens.join("")],
  Metaspace: metaspace,
  WordPiece: wordPiece,
  BPEDecoder: (part) => {
    const suffix = textOf(part, "suffix", "</w>");
    return (tokens) => tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? "" : " "));
  },
  Replace: (part) => {
    const pattern = compilePattern(patternOf(part));
    const content = textOf(part, "content");
    return (tokens) => tokens.map((token) => Text.of(token, false).substitute(pattern, content).text);
  },
  Strip: (part) => {
    const [content, start, stop] = [textOf(part, "content"), countOf(part, "start"), countOf(part, "stop")];
    return (tokens) => tokens.map((token) => strip(token, content, start, stop));
  },
  CTC: ctc,
};

function countOf(part: Part, key: string): number {
  const value = part[key] ?? 0;
  if (Number.isInteger(value) && (value as number) >= 0) return value as number;
  throw new LecternError("file", `${part.type}: ${key} must be a whole number; got ${JSON.stringify(value)}`);
}

/** Takes a character off either end, so many times at most. */
function strip(token: string, content: string, start: number, stop: number): string {
  let [from, to] = [0, token.length];
  for (let i = 0; i < start && content !== "" && token.startsWith(content, from); i++) from += content.length;
  for (let i = 0; i < stop && to - content.length >= from && token.endsWith(content, to); i++) to -= content.length;
  return token.slice(from, to);
}

function metaspace(part: Part): Decoder {
  const replacement = textOf(part, "replacement", "▁");
  const drops = (part.prepend_scheme ?? (part.add_prefix_space === false ? "never" : "always")) !== "never";
  return (tokens) => tokens.map((token, i) => token.replaceAll(replacement, i === 0 && drops ? "" : " "));
}

function wordPiece(part: Part): Decoder {
  const prefix = textOf(part, "prefix", "##");
  const cleans = flagOf(part, "cleanup", true);
  return (tokens) =>
    tokens.map((token, i) => {
      const joined = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleans ? cleanUpToken(joined) : joined;
    });
}

function ctc(part: Part): Decoder {
  const [padding, delimiter] = [textOf(part, "pad_token", "<pad>"), textOf(part, "word_delimiter_token", "|")];
  const cleans = flagOf(part, "cleanup", true);
  return (tokens) =>
    tokens
      .filter((token, i) => token !== tokens[i - 1])
      .map((token) => token.replaceAll(padding, ""))
      .map((token) => (cleans ? cleanUpToken(token).replaceAll(delimiter, " ") : token))
      .filter((token) => token !== "");
}

const CLEANED: readonly (readonly [from: string, to: string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

/** Takes out spaces that English does not write. */
export function cleanUp(text: string): string {
  return CLEANED.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
}

/** Cleans up one token of a decoder that goes token by token, which also shortens " do not". */
function cleanUpToken(token: string): string {
  return cleanUp(token.replaceAll(" do not", " don't"));
}
