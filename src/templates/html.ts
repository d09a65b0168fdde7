import { ownEntry } from "../common/index.ts";
import type { Run } from "./run.ts";
import { indexOf, SPACE, splitWords, textBetween, textLength } from "./text.ts";

/** A text without HTML's tags and comments, with single spaces. */
export function stripTags(run: Run, text: string): string {
  let [result, from] = ["", 0];
  for (let start = indexOf(run, text, "<"); start >= 0; start = indexOf(run, text, "<", from)) {
    const isComment = text.startsWith("<!--", start);
    const end = isComment ? indexOf(run, text, "-->", start + 4) : indexOf(run, text, ">", start);
    if (end < 0) break;
    run.step();
    result += text.slice(from, start);
    from = end + (isComment ? 3 : 1);
  }
  return unescapeHtml(splitWords(run, result + text.slice(from)).join(" "));
}

/** The names of characters that HTML's texts use most. */
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\xa0",
  copy: "©",
  reg: "®",
  trade: "™",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  laquo: "«",
  raquo: "»",
  bull: "•",
  middot: "·",
  euro: "€",
  pound: "£",
  yen: "¥",
  cent: "¢",
  sect: "§",
  deg: "°",
  times: "×",
  divide: "÷",
  plusmn: "±",
};

/** A text of which HTML's entities are the characters they stand for. */
export function unescapeHtml(text: string): string {
  return text.replace(/&(#x[0-9a-f]+|#\d+|[a-z]+);?/gi, (whole, name: string) => {
    if (!name.startsWith("#"))
      return whole.endsWith(";") || /^(amp|lt|gt|quot)$/.test(name) ? (ownEntry(ENTITIES, name) ?? whole) : whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code === 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? "\ufffd" : String.fromCodePoint(code);
  });
}

/** Addresses of the web, with or without their scheme. */
const WEB =
  /^((https?:\/\/|www\.)(([\w%-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59})|([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)|(https?:\/\/)((\d{1,3}(\.\d{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}\])))(?::\d{1,5})?(?:[/?#]\S*)?$/i;
const MAIL = /^\S+@\w[\w.-]*\.\w+$/;

/** The attributes of links; texts are HTML already. */
export interface LinkOptions {
  readonly limit: number | undefined;
  /** `rel` and `target`, each with a space before it, or nothing. */
  readonly attributes: string;
  readonly schemes: readonly string[];
}

/** Longer words are no addresses. */
const LONGEST_WORD = 4096;

/** HTML in which addresses are links. */
export function linkAddresses(run: Run, html: string, options: LinkOptions): string {
  const words = html.split(new RegExp(`([${SPACE}]+)`));
  run.items(words.length);
  return run.text(words.map((word) => (word.length > LONGEST_WORD ? word : linkWord(word, options))).join(""));
}

const PAIRS = [
  ["(", ")"],
  ["<", ">"],
  ["&lt;", "&gt;"],
] as const;

function linkWord(word: string, options: LinkOptions): string {
  const head = /^(?:[(<]|&lt;)+/.exec(word)?.[0] ?? "";
  let middle = word.slice(head.length);
  let tail = /(?:[)>.,\n]|&gt;)+$/.exec(middle)?.[0] ?? "";
  middle = middle.slice(0, middle.length - tail.length);
  for (const [open, close] of PAIRS) {
    const opened = occurrences(middle, open);
    if (opened <= occurrences(middle, close)) continue;
    for (let i = Math.min(opened, occurrences(tail, close)); i > 0; i--) {
      const end = tail.indexOf(close) + close.length;
      middle += tail.slice(0, end);
      tail = tail.slice(end);
    }
  }
  return head + link(middle, options) + tail;
}

const occurrences = (text: string, part: string): number => text.split(part).length - 1;

function link(text: string, { limit, attributes, schemes }: LinkOptions): string {
  const shown = limit !== undefined && textLength(text) > limit ? `${textBetween(text, 0, limit)}...` : text;
  if (WEB.test(text)) {
    const hasScheme = text.startsWith("https://") || text.startsWith("http://");
    return `<a href="${hasScheme ? "" : "https://"}${text}"${attributes}>${shown}</a>`;
  }
  if (text.startsWith("mailto:") && MAIL.test(text.slice(7))) return `<a href="${text}">${text.slice(7)}</a>`;
  const isMail = text.includes("@") && !/^(www\.|@)/.test(text) && !text.includes(":") && MAIL.test(text);
  if (isMail) return `<a href="mailto:${text}">${text}</a>`;
  for (const scheme of schemes)
    if (text !== scheme && text.startsWith(scheme)) text = `<a href="${text}"${attributes}>${text}</a>`;
  return text;
}
