import { ownEntry } from "./own-entry.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A text as HTML and SVG show it. */
export const escaped = (text: unknown): string =>
  String(text).replace(/[&<>"']/g, (character) => ownEntry(ENTITIES, character) ?? character);
