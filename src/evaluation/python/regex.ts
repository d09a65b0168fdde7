import { LecternError, ownEntry } from "../../common/index.ts";

/** Classes that mean all of Unicode in Python. */
const CLASSES: Readonly<Record<string, string>> = { d: "\\p{Nd}", w: "\\p{L}\\p{N}_" };

/** Escapes that both languages have. */
const SHARED = /[sSbBtnrfv0-9xu]/;

/**
 * A regular expression of Python's `re` as one of JavaScript.
 *
 * @throws LecternError where it has what JavaScript lacks, or is no expression
 */
export function pythonRegex(pattern: string, what: string): RegExp {
  const [, inline = ""] = /^\(\?([aimsu]+)\)/.exec(pattern) ?? [];
  const body = inline === "" ? pattern : pattern.slice(inline.length + 3);
  try {
    return new RegExp(
      translate(body, inline.includes("m")),
      `gu${[..."ims"].filter((flag) => inline.includes(flag)).join("")}`,
    );
  } catch (cause) {
    throw new LecternError("input", `${what}: ${pattern} is no regular expression that is understood here`, { cause });
  }
}

/** @param isMultiline true if `$` is the end of a line */
function translate(pattern: string, isMultiline: boolean): string {
  let result = "";
  let inClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] as string;
    if (character === "\\") {
      result += escaped(pattern[++at] ?? "", inClass);
    } else if (inClass) {
      inClass = character !== "]";
      result += character === "[" ? "\\[" : character;
    } else if (character === "[") {
      inClass = true;
      const open = /^\[\^?\]?/.exec(pattern.slice(at))?.[0] ?? "[";
      result += open.replace("]", "\\]");
      at += open.length - 1;
    } else if (pattern.startsWith("(?P<", at)) {
      result += "(?<";
      at += 3;
    } else if (pattern.startsWith("(?P=", at)) {
      const end = pattern.indexOf(")", at);
      result += `\\k<${pattern.slice(at + 4, end)}>`;
      at = end;
    } else if (character === "{" && !/^\{\d*(,\d*)?\}/.test(pattern.slice(at))) {
      result += "\\{";
    } else if (character === "}" && !/\{\d*(,\d*)?$/.test(result)) {
      result += "\\}";
    } else if (character === "]") {
      result += "\\]";
    } else if (character === "$" && !isMultiline) {
      result += "(?=\\n?$(?![\\s\\S]))";
    } else {
      result += character;
    }
  }
  return result;
}

/** An escape of Python in JavaScript's syntax, where a character that needs none may have none. */
function escaped(kind: string, inClass: boolean): string {
  const unicode = ownEntry(CLASSES, kind);
  if (unicode !== undefined) return inClass ? unicode : `[${unicode}]`;
  const negated = ownEntry(CLASSES, kind.toLowerCase());
  if (negated !== undefined && !inClass) return `[^${negated}]`;
  if (kind === "A") return "(?<![\\s\\S])";
  if (kind === "Z") return "(?![\\s\\S])";
  if (SHARED.test(kind) || /[\^$\\.*+?()[\]{}|/]/.test(kind) || (inClass && kind === "-")) return `\\${kind}`;
  return kind;
}

/** Python's `re.findall`: whole matches, or the groups of each where there are any. */
export function findAll(regex: RegExp, text: string): (string | readonly string[])[] {
  return [...text.matchAll(regex)].map((match) => {
    const groups = match.slice(1).map((group: string | undefined) => group ?? "");
    if (groups.length === 0) return match[0];
    return groups.length === 1 ? (groups[0] as string) : groups;
  });
}
