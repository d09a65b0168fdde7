/**
 * The entry of a table under a key that a file or a caller gave; undefined for a key that is no text, and for names that
 * every object inherits, such as `constructor`.
 */
export function ownEntry<T>(table: Readonly<Record<string, T>>, key: unknown): T | undefined {
  return typeof key === "string" && Object.hasOwn(table, key) ? table[key] : undefined;
}
