import { check, LecternError } from "../common/index.ts";

/** A part of a `tokenizer.json`, read with checks. */
export type Part = Readonly<Record<string, unknown>>;

/** A pattern of a `tokenizer.json`: literal, or a regular expression in Oniguruma's language. */
export type Pattern = { readonly String: string } | { readonly Regex: string };

export function isPart(value: unknown): value is Part {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object that says its type. */
export function typed(value: unknown, place: string): Part & { readonly type: string } {
  check(isPart(value) && typeof value.type === "string", "file", () => `${place} must be an object with a type`);
  return value as Part & { type: string };
}

export function partsOf(part: Part, key: string): readonly unknown[] {
  const list = part[key];
  check(Array.isArray(list), "file", () => `${part.type ?? "tokenizer.json"}: ${key} must be a list`);
  return list;
}

export function textOf(part: Part, key: string, otherwise?: string): string {
  const value = part[key] ?? otherwise;
  check(typeof value === "string", "file", () => `${part.type ?? "tokenizer.json"}: ${key} must be a text`);
  return value;
}

/** A text that may be absent or null. */
export function optionalText(part: Part, key: string): string | undefined {
  return part[key] === undefined || part[key] === null ? undefined : textOf(part, key);
}

export function flagOf(part: Part, key: string, otherwise: boolean): boolean {
  const value = part[key] ?? otherwise;
  check(typeof value === "boolean", "file", () => `${part.type ?? "tokenizer.json"}: ${key} must be true or false`);
  return value;
}

export function patternOf(part: Part): Pattern {
  const { pattern } = part;
  if (isPart(pattern) && typeof pattern.String === "string") return { String: pattern.String };
  if (isPart(pattern) && typeof pattern.Regex === "string") return { Regex: pattern.Regex };
  throw new LecternError("file", `${part.type}: pattern must be {"String": …} or {"Regex": …}`);
}

/** Ids above this are taken for damage: the largest vocabularies have a quarter of a million entries. */
const MOST_IDS = 1 << 24;

export function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < MOST_IDS;
}

/** A `{ token: id }` table. */
export function vocabularyOf(part: Part): Map<string, number> {
  const { vocab } = part;
  check(isPart(vocab), "file", () => `${part.type}: vocab must be an object of tokens and ids`);
  const ids = new Map<string, number>();
  for (const [token, id] of Object.entries(vocab)) {
    check(isId(id), "file", () => `${part.type}: the id of ${JSON.stringify(token)} is ${JSON.stringify(id)}`);
    ids.set(token, id);
  }
  return ids;
}

/** The longest token; matching takes as many steps at each place of a text, and no vocabulary has longer ones. */
const LONGEST_TOKEN = 4096;

export function checkLength(token: string, what: string): void {
  check(
    token.length <= LONGEST_TOKEN,
    "file",
    () => `tokenizer.json: ${what} has ${token.length} characters; ${LONGEST_TOKEN} at most are read`,
  );
}

/** Parts within parts at most: published files have four. */
const DEEPEST = 64;

/** Refuses a file whose parts lie so deep in others that reading them would exhaust the stack. */
export function checkDepth(json: unknown): void {
  const waiting: { value: unknown; depth: number }[] = [{ value: json, depth: 0 }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, depth } = next;
    if (typeof value !== "object" || value === null) continue;
    check(depth <= DEEPEST, "file", () => `tokenizer.json: it has parts within more than ${DEEPEST} others`);
    for (const inner of Object.values(value))
      if (typeof inner === "object" && inner !== null) waiting.push({ value: inner, depth: depth + 1 });
  }
}
