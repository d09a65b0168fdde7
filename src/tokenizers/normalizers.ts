import { LecternError, ownEntry } from "../common/index.ts";
import { writeBytes } from "./byte-level.ts";
import { Charsmap } from "./charsmap.ts";
import { flagOf, type Part, partsOf, patternOf, textOf, typed } from "./json.ts";
import { compilePattern, isWhiteSpace, WHITE_SPACE } from "./regex/index.ts";
import type { Change, Text } from "./text.ts";
import { changeOfForm, type Form, unicodeSegments } from "./unicode-forms.ts";
import { youngControls, youngMarks, youngNonspacingMarks } from "./unicode-version-gaps.ts";

/** Rewrites a text before it is cut into words. */
export type Normalizer = (text: Text) => Text;

const MARKS = new RegExp(`(?:(?![${youngMarks}])[\\p{M}\u1cf2\u1cf3])+`, "gu");
const NONSPACING_MARKS = new RegExp(`(?:(?![${youngNonspacingMarks}])[\\p{Mn}\u1734\u{1171e}])+`, "gu");

const remove = (): Change => ({ text: "" });

/** The normalizer that a `tokenizer.json` describes. */
export function createNormalizer(json: unknown): Normalizer {
  const part = typed(json, "tokenizer.json: normalizer");
  const create = ownEntry(kinds, part.type);
  if (!create)
    throw new LecternError(
      "unsupported",
      `tokenizer.json: normalizer ${part.type} is not known; known: ${Object.keys(kinds).join(", ")}`,
    );
  return create(part);
}

const kinds: Readonly<Record<string, (part: Part) => Normalizer>> = {
  Sequence: (part) => {
    const steps = partsOf(part, "normalizers").map(createNormalizer);
    return (text) => steps.reduce((rewritten, step) => step(rewritten), text);
  },
  NFC: () => inForm("NFC"),
  NFD: () => inForm("NFD"),
  NFKC: () => inForm("NFKC"),
  NFKD: () => inForm("NFKD"),
  Lowercase: () => lowercase,
  StripAccents: () => (text) => text.rewrite(MARKS, remove),
  BertNormalizer: bertNormalizer,
  Nmt: () => nmt,
  Strip: (part) => {
    const [left, right] = [flagOf(part, "strip_left", true), flagOf(part, "strip_right", true)];
    return (text) => strip(text, left, right);
  },
  Prepend: (part) => {
    const prepended = textOf(part, "prepend");
    return (text) => (text.text === "" ? text : text.insert([0], prepended));
  },
  Replace: (part) => {
    const [pattern, content] = [patternOf(part), textOf(part, "content")];
    if ("String" in pattern && pattern.String.length === 1 && content.length === 1)
      return (text) => text.exchange(pattern.String, content);
    const compiled = compilePattern(pattern);
    return (text) => text.substitute(compiled, content);
  },
  Precompiled: (part) => precompiled(Charsmap.fromBase64(textOf(part, "precompiled_charsmap"))),
  ByteLevel: () => writeBytes,
};

function inForm(form: Form): Normalizer {
  return (text) => {
    if (text.text.normalize(form) === text.text) return text;
    return text.rewrite(unicodeSegments, (part) => changeOfForm(part, form));
  };
}

/** Character by character, so a final Σ becomes σ; İ becomes two. */
const lowercase: Normalizer = (text) =>
  text.rewrite(/\p{Changes_When_Lowercased}+/gu, (part) => {
    if (!/[Σİ]/.test(part)) return { text: part.toLowerCase() };
    const lower = Array.from(part, (character) => (character === "Σ" ? "σ" : character.toLowerCase()));
    return { text: lower.join(""), changes: lower.flatMap((piece) => Array.from(piece, (_, i) => (i === 0 ? 0 : 1))) };
  });

/** Ideographs as BERT counts them: no kana, no Hangul; the gap at U+2B820 is the reference's. */
const IDEOGRAPH =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

function bertNormalizer(part: Part): Normalizer {
  const cleans = flagOf(part, "clean_text", true);
  const separates = flagOf(part, "handle_chinese_chars", true);
  const lowers = flagOf(part, "lowercase", true);
  const strips = flagOf(part, "strip_accents", lowers);
  const decompose = inForm("NFD");
  return (text) => {
    if (cleans) text = cleanText(text);
    if (separates) text = text.rewrite(IDEOGRAPH, (character) => ({ text: ` ${character} `, changes: [0, 1, 1] }));
    if (strips) text = decompose(text).rewrite(NONSPACING_MARKS, remove);
    return lowers ? lowercase(text) : text;
  };
}

const CONTROL = new RegExp(`(?:(?![\\t\\n\\r${youngControls}])[\\0\\ufffd\\p{Cc}\\p{Cf}\\p{Co}])+`, "gu");
const BLANK = new RegExp(`[${WHITE_SPACE}]+`, "gu");

function cleanText(text: Text): Text {
  return text.rewrite(CONTROL, remove).rewrite(BLANK, (blank) => ({ text: " ".repeat(blank.length) }));
}

const NMT_REMOVED = /(?:(?![\0\t\n\f\r\x80-\x8e\x90-\x9e])\p{Cc})+/gu;

function nmt(text: Text): Text {
  return text
    .rewrite(NMT_REMOVED, remove)
    .rewrite(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, () => ({ text: " " }));
}

function strip(text: Text, left: boolean, right: boolean): Text {
  let [start, end] = [0, text.text.length];
  if (left) while (start < end && isWhiteSpace(text.text[start])) start++;
  if (right) while (end > start && isWhiteSpace(text.text[end - 1])) end--;
  return text.slice(start, end);
}

/** A character before others that may form a cluster with it, and those others. */
const OTHERS = /[\x20-\x7e]?[^\x20-\x7e]+/gu;

const WHOLE = /[\s\S]+/gu;

/**
 * SentencePiece's normalization. Where it removes a text's first character, the reference counts the others as if they
 * came from the places before them.
 */
function precompiled(charsmap: Charsmap): Normalizer {
  const usual = charsmap.keepsPrintable ? OTHERS : WHOLE;
  const rewritten = (part: string): Change => {
    if (charsmap.keeps(part)) return { text: part };
    const texts: string[] = [];
    const changes: number[] = [];
    for (const { part: old, text: replaced } of charsmap.replacements(part)) {
      texts.push(replaced ?? old);
      for (const change of changesOf([...old].length, [...(replaced ?? old)].length, changes)) changes.push(change);
    }
    return { text: texts.join(""), changes };
  };
  return (text) => text.rewrite(charsmap.removesFirst(text.text) ? WHOLE : usual, rewritten);
}

/** Characters replace one another; what is more was added, what is less was removed with the last one. */
function changesOf(before: number, after: number, changes: number[]): number[] {
  const own: number[] = Array.from({ length: after }, (_, i) => (i < before ? 0 : 1));
  const missing = before - after;
  if (missing > 0 && after > 0) own[after - 1] = -missing;
  else if (missing > 0 && changes.length > 0) changes[changes.length - 1] = (changes.at(-1) ?? 0) - missing;
  return own;
}
