import { LecternError } from "../../common/index.ts";
import { Template, TemplateError } from "../../templates/index.ts";
import type { Doc } from "./data.ts";

/** Compiled templates by their text. */
const compiled = new Map<string, Template>();

/**
 * The text that a template makes of an item, as jinja2 renders it with white space kept and undefined names refused.
 *
 * @param place the file and the key of the template, for messages
 */
export function renderDoc(source: string, doc: Doc, place: string): string {
  try {
    let template = compiled.get(source);
    if (!template) compiled.set(source, (template = new Template(source, {}, { whitespace: "kept" })));
    return template.render(doc, { strict: true });
  } catch (cause) {
    if (!(cause instanceof TemplateError)) throw cause;
    const fields = `the fields are ${Object.keys(doc).join(", ")}`;
    throw new LecternError("input", `${place}: the template fails: ${cause.message}; ${fields}`, { cause });
  }
}

/** A value as Python's `str` writes it. */
export function pythonText(value: unknown): string {
  if (typeof value === "string") return value;
  return new Template("{{ value }}").render({ value });
}

/** A number of Python's `int`, or a `bool`, which is one; undefined for others. */
export function asInt(value: unknown): number | undefined {
  if (typeof value === "boolean") return Number(value);
  return typeof value === "number" ? value : undefined;
}

/** True for what Python's `isdigit` calls digits. */
export const isDigits = (text: string): boolean => /^\p{Nd}+$/u.test(text);
