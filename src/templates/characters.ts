import { SPACE } from "./text.ts";

/** The properties of characters by Python's `unicodedata`. */

/** Digits that are not decimal, such as superscripts. */
const DIGIT =
  /[\xb2\xb3\xb9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}]/u;

/** Han characters that are numbers. */
const HAN_NUMBER =
  /[\u3405\u3483\u382a\u3b4d\u4e00\u4e03\u4e07\u4e09\u4e5d\u4e8c\u4e94\u4e96\u4ebf\u4ec0\u4edf\u4ee8\u4f0d\u4f70\u5104\u5146\u5169\u516b\u516d\u5341\u5343-\u5345\u534c\u53c1-\u53c4\u56db\u58f1\u58f9\u5e7a\u5efe\u5eff\u5f0c-\u5f0e\u5f10\u62fe\u634c\u67d2\u6f06\u7396\u767e\u8086\u842c\u8cae\u8cb3\u8d30\u9621\u9646\u964c\u9678\u96f6\uf96b\uf973\uf978\uf9b2\uf9d1\uf9d3\uf9fd\u{20001}\u{20064}\u{200e2}\u{20121}\u{2092a}\u{20983}\u{2098c}\u{2099c}\u{20aea}\u{20afd}\u{20b19}\u{22390}\u{22998}\u{23b1b}\u{2626d}\u{2f890}]/u;

type Test = (text: string) => boolean;

const every =
  (pattern: RegExp): Test =>
  (text) => {
    if (text === "") return false;
    for (const character of text) if (!pattern.test(character)) return false;
    return true;
  };

const isDecimal = every(/\p{Nd}/u);
const isDigit = every(new RegExp(`\\p{Nd}|${DIGIT.source}`, "u"));
const isNumeric = every(new RegExp(`\\p{N}|${HAN_NUMBER.source}`, "u"));

const isUpperCase = (character: string): boolean => /\p{Uppercase}/u.test(character);
const isLowerCase = (character: string): boolean => /\p{Lowercase}/u.test(character);
const isTitleCase = (character: string): boolean => /\p{Lt}/u.test(character);
const isCased = (character: string): boolean => /[\p{Uppercase}\p{Lowercase}\p{Lt}]/u.test(character);

function oneCase(text: string, isRight: Test, isWrong: Test): boolean {
  let found = false;
  for (const character of text) {
    if (isWrong(character)) return false;
    found ||= isRight(character);
  }
  return found;
}

function isTitle(text: string): boolean {
  let [found, within] = [false, false];
  for (const character of text) {
    if (isUpperCase(character) || isTitleCase(character)) {
      if (within) return false;
      found = within = true;
    } else if (isLowerCase(character)) {
      if (!within) return false;
      found = true;
    } else within = false;
  }
  return found;
}

/** The tests that are methods of texts. */
export const CHARACTER_TESTS: Readonly<Record<string, Test>> = {
  isalnum: every(new RegExp(`\\p{L}|\\p{N}|${HAN_NUMBER.source}`, "u")),
  isalpha: every(/\p{L}/u),
  isascii: (text) => !/\P{ASCII}/u.test(text),
  isdecimal: isDecimal,
  isdigit: isDigit,
  isidentifier: (text) => /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(text),
  islower: (text) => oneCase(text, isLowerCase, (character) => isUpperCase(character) || isTitleCase(character)),
  isnumeric: isNumeric,
  isprintable: (text) => !/[\p{C}\p{Z}]/u.test(text.replaceAll(" ", "")),
  isspace: every(new RegExp(`[${SPACE}]`)),
  istitle: isTitle,
  isupper: (text) => oneCase(text, isUpperCase, (character) => isLowerCase(character) || isTitleCase(character)),
};

/** Letters of two with a form of their own at the beginning of a word. */
const DIGRAPHS = ["Ǆǅǆ", "Ǉǈǉ", "Ǌǋǌ", "Ǳǲǳ"].map((group) => [...group]);

function titleCase(character: string): string {
  const group = DIGRAPHS.find((letters) => letters.includes(character));
  if (group) return group[1] as string;
  const code = character.codePointAt(0) as number;
  if (code >= 0x10d0 && code <= 0x10ff) return character;
  if (code === 0x149) return "ʼN";
  const iota = iotaTitle(code);
  if (iota !== undefined) return String.fromCodePoint(iota);
  const [first = "", ...rest] = character.toUpperCase();
  return first + rest.join("").toLowerCase();
}

/** Greek letters with an iota below, whose capital at the beginning of a word is one character. */
function iotaTitle(code: number): number | undefined {
  if (code >= 0x1f80 && code <= 0x1faf) return code | 8;
  return { 8115: 0x1fbc, 8124: 0x1fbc, 8131: 0x1fcc, 8140: 0x1fcc, 8179: 0x1ffc, 8188: 0x1ffc }[code];
}

/** Python's `text.title()`. */
export function titleText(text: string): string {
  let [result, within, unit] = ["", false, 0];
  for (const character of text) {
    result += within ? lowerWithin(text, unit, character) : titleCase(character);
    within = isCased(character);
    unit += character.length;
  }
  return result;
}

/** The small form of a letter that is not a word's first; a sigma that is its last has one of its own. */
const lowerWithin = (text: string, unit: number, character: string): string =>
  character === "Σ" && !/^[\p{Mn}'.:^`·]*[\p{Uppercase}\p{Lowercase}\p{Lt}]/u.test(text.slice(unit + 1, unit + 33))
    ? "ς"
    : character.toLowerCase();

/** Python's `text.capitalize()`. */
export function capitalize(text: string): string {
  const [first = ""] = text;
  return (first && titleCase(first)) + text.toLowerCase().slice(first.toLowerCase().length);
}

/** Python's `text.swapcase()`. */
export function swapCase(text: string): string {
  let result = "";
  for (const character of text)
    result += isUpperCase(character)
      ? character.toLowerCase()
      : isLowerCase(character)
        ? character.toUpperCase()
        : character;
  return result;
}

/** Python's `text.casefold()`: a form in which texts that differ only in case are the same. */
export function caseFold(text: string): string {
  let result = "";
  for (const character of text)
    result += character === "ı" ? character : character.toUpperCase().toLowerCase().replaceAll("ς", "σ");
  return result;
}

/** True if `repr` writes a character as it is. */
export const isPrintable = (character: string): boolean => character === " " || !/[\p{C}\p{Z}]/u.test(character);
