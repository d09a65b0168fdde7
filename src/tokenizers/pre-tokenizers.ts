import { check, LecternError, ownEntry } from "../common/index.ts";
import { writeBytes } from "./byte-level.ts";
import { flagOf, type Part, partsOf, patternOf, textOf, typed } from "./json.ts";
import { compilePattern, NativeMatcher, WHITE_SPACE } from "./regex/index.ts";
import { cutAtScripts } from "./scripts.ts";
import { behaviorOf, type Cutter, cutEach, cutter, type Pieces } from "./split.ts";
import { widthAt } from "./text.ts";
import { youngPunctuation } from "./unicode-version-gaps.ts";

/** Cuts a text into words, which the model then cuts into tokens. */
export interface PreTokenizer {
  readonly cut: (pieces: Pieces) => Pieces;
  /** True if the words are then written as bytes, which is left to the model. */
  readonly writesBytes: boolean;
}

/** The pre-tokenizer that a `tokenizer.json` describes. */
export function createPreTokenizer(json: unknown): PreTokenizer {
  const part = typed(json, "tokenizer.json: pre_tokenizer");
  const create = ownEntry(kinds, part.type);
  if (!create)
    throw new LecternError(
      "unsupported",
      `tokenizer.json: pre_tokenizer ${part.type} is not known; known: ${Object.keys(kinds).join(", ")}`,
    );
  return create(part);
}

const kinds: Readonly<Record<string, (part: Part) => PreTokenizer>> = {
  Sequence: (part) => sequence(partsOf(part, "pretokenizers").map(createPreTokenizer)),
  ByteLevel: byteLevel,
  Metaspace: metaspace,
  Split: (part) =>
    cutting(cutter(compilePattern(patternOf(part)), behaviorOf(part.behavior), flagOf(part, "invert", false))),
  Whitespace: () => cutting(cutter(WORDS, "Removed", true)),
  WhitespaceSplit: () => cutting(cutter(SPACES, "Removed")),
  BertPreTokenizer: () => cutting(cutter(BERT_WORDS, "Removed", true)),
  Punctuation: (part) => cutting(cutter(PUNCTUATION, behaviorOf(part.behavior ?? "Isolated"))),
  Digits: (part) => cutting(cutter(DIGITS, flagOf(part, "individual_digits", false) ? "Isolated" : "Contiguous")),
  CharDelimiterSplit: (part) => cutting(cutter(compilePattern({ String: textOf(part, "delimiter") }), "Removed")),
  UnicodeScripts: () => cutting(cutAtScripts),
  FixedLength: fixedLength,
};

/** `\w` of Rust's regular expressions. */
const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}";

const WORDS = new NativeMatcher(new RegExp(`[${WORD}]+|[^${WORD}${WHITE_SPACE}]+`, "gu"));
const SPACES = new NativeMatcher(new RegExp(`[${WHITE_SPACE}]`, "gu"));
const DIGITS = new NativeMatcher(/\p{N}/gu);
/** One of these, as long as it is not too young. */
const PUNCTUATION_CLASS = "[\\p{P}\u166d\u{111c9}$+<=>^`|~]";
const PUNCTUATION = new NativeMatcher(new RegExp(`(?![${youngPunctuation}])${PUNCTUATION_CLASS}`, "gu"));

/** Runs of neither white space nor punctuation, and each punctuation character. */
const BERT_WORDS = new NativeMatcher(
  new RegExp(`(?:[^${WHITE_SPACE}\\p{P}\u166d\u{111c9}$+<=>^\`|~]|[${youngPunctuation}])+|${PUNCTUATION_CLASS}`, "gu"),
);

/** GPT-2's pattern; `\s` as Unicode has it. */
const GPT2_WORDS = new NativeMatcher(
  new RegExp(
    `'(?:[stdm]|re|ve|ll)| ?\\p{L}+| ?\\p{N}+| ?[^${WHITE_SPACE}\\p{L}\\p{N}]+|[${WHITE_SPACE}]+(?![^${WHITE_SPACE}])|[${WHITE_SPACE}]+`,
    "gu",
  ),
);

function cutting(cut: Cutter): PreTokenizer {
  return { cut: (pieces) => cutEach(pieces, cut), writesBytes: false };
}

/** The same pre-tokenizer for what does not write bytes itself. */
export function withBytes(step: PreTokenizer): PreTokenizer {
  return step.writesBytes ? { cut: (pieces) => writeEachAsBytes(step.cut(pieces)), writesBytes: false } : step;
}

/** Bytes that another step still wants to cut are written at once. */
function sequence(steps: readonly PreTokenizer[]): PreTokenizer {
  const cuts = steps.map((step, i) => (i < steps.length - 1 ? withBytes(step) : step).cut);
  return {
    cut: (pieces) => cuts.reduce((finer, cut) => cut(finer), pieces),
    writesBytes: steps.at(-1)?.writesBytes ?? false,
  };
}

function byteLevel(part: Part): PreTokenizer {
  const addsSpace = flagOf(part, "add_prefix_space", true);
  const words = flagOf(part, "use_regex", true) ? cutter(GPT2_WORDS, "Isolated") : undefined;
  return {
    writesBytes: true,
    cut: (pieces) => {
      const spaced = addsSpace ? prepend(pieces, " ", () => true) : pieces;
      return words ? cutEach(spaced, words) : spaced;
    },
  };
}

function metaspace(part: Part): PreTokenizer {
  const replacement = textOf(part, "replacement", "▁");
  const scheme = part.prepend_scheme ?? (part.add_prefix_space === false ? "never" : "always");
  check(
    ["always", "first", "never"].includes(scheme as string),
    "file",
    () => `Metaspace: prepend_scheme must be always, first or never; got ${JSON.stringify(scheme)}`,
  );
  check(replacement.length === 1, "file", () => `Metaspace: replacement must be one character; got ${replacement}`);
  const words = flagOf(part, "split", true)
    ? cutter(compilePattern({ String: replacement }), "MergedWithNext")
    : undefined;
  const fast = words && replacement === "▁" ? cutAtMetaspace : words;
  return {
    writesBytes: false,
    cut: ({ text, bounds }) => {
      let pieces: Pieces = { text: text.exchange(" ", replacement), bounds };
      if (scheme !== "never") {
        const isWanted = (at: number): boolean => scheme === "always" || pieces.text.startsAtOrigin(at);
        pieces = prepend(pieces, replacement, isWanted);
      }
      return fast ? cutEach(pieces, fast) : pieces;
    },
  };
}

/** Cuts before every ▁. */
const cutAtMetaspace: Cutter = (part, keep) => {
  let start = 0;
  for (let at = part.indexOf("▁", 1); at >= 0; at = part.indexOf("▁", at + 1)) {
    keep(start, at);
    start = at;
  }
  keep(start, part.length);
};

/** Puts a text before the parts that do not begin with it and that a condition chooses. */
function prepend({ text, bounds }: Pieces, prefix: string, isWanted: (at: number) => boolean): Pieces {
  const places: number[] = [];
  const moved: number[] = [];
  for (let i = 0; i < bounds.length; i += 2) {
    const [start, end] = [bounds[i] as number, bounds[i + 1] as number];
    const before = places.length * prefix.length;
    if (!text.text.startsWith(prefix, start) && isWanted(start)) places.push(start);
    moved.push(start + before, end + places.length * prefix.length);
  }
  return places.length === 0 ? { text, bounds } : { text: text.insert(places, prefix), bounds: moved };
}

/** Every part as its bytes. */
function writeEachAsBytes({ text, bounds }: Pieces): Pieces {
  const moved: number[] = [];
  const encoder = new TextEncoder();
  let [shift, last] = [0, 0];
  const moveTo = (at: number): void => {
    shift += encoder.encode(text.text.slice(last, at)).length - (at - last);
    last = at;
    moved.push(at + shift);
  };
  for (const bound of bounds) moveTo(bound);
  return { text: writeBytes(text), bounds: moved };
}

function fixedLength(part: Part): PreTokenizer {
  const length = part.length ?? 5;
  check(Number.isInteger(length) && (length as number) > 0, "file", () => `FixedLength: length must be a whole number`);
  return cutting((text, keep) => {
    let [start, count] = [0, 0];
    for (let at = 0; at < text.length; ) {
      at += widthAt(text, at);
      if (++count < (length as number) && at < text.length) continue;
      keep(start, at);
      [start, count] = [at, 0];
    }
  });
}
