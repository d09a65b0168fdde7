import { shown } from "../common/index.ts";
import { ALL, type CodePoints, complement, normalized } from "./utf8.ts";

export const DIGITS: CodePoints = [48, 57];
export const WORDS: CodePoints = [48, 57, 65, 90, 95, 95, 97, 122];
/** White space and line ends of ECMA-262. */
export const SPACES: CodePoints = [
  9, 13, 32, 32, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f, 0x3000,
  0x3000, 0xfeff, 0xfeff,
];
/** All but line ends. */
export const DOT: CodePoints = complement([10, 10, 13, 13, 0x2028, 0x2029]);

const properties = new Map<string, CodePoints | undefined>();

/** The code points with a property of Unicode, as `{Letter}`; undefined for what is none. */
export function property(name: string): CodePoints | undefined {
  if (!properties.has(name)) properties.set(name, search(name));
  return properties.get(name);
}

function search(name: string): CodePoints | undefined {
  let test: RegExp;
  try {
    test = new RegExp(`^\\p${name}$`, "u");
  } catch {
    return undefined;
  }
  const ranges: number[] = [];
  for (let i = 0; i < ALL.length; i += 2)
    for (let code = ALL[i] as number; code <= (ALL[i + 1] as number); code++)
      if (test.test(String.fromCodePoint(code))) {
        if (ranges.at(-1) === code - 1) ranges[ranges.length - 1] = code;
        else ranges.push(code, code);
      }
  return ranges;
}

/** The same characters in either case. */
export function caseless(set: CodePoints): number[] {
  const found = [...set];
  for (let i = 0; i < set.length; i += 2)
    for (let code = set[i] as number; code <= Math.min(0x1ffff, set[i + 1] as number); code++) {
      const character = String.fromCodePoint(code);
      for (const other of [character.toLowerCase(), character.toUpperCase()])
        if (other !== character && [...other].length === 1)
          found.push(other.codePointAt(0) as number, other.codePointAt(0) as number);
    }
  return normalized(found);
}

/** An expression as it stands in messages. */
export function namedPattern(source: string): string {
  return `the pattern ${shown(source)}`;
}
