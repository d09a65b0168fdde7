import { check, ownEntry } from "../../common/index.ts";
import { warn } from "../../runtime/index.ts";

/** Present names by earlier ones; a table within stands for the settings of an object. */
interface Renames {
  readonly [earlier: string]: string | Renames;
}

const run: Renames = { clip: "maxGradNorm", bestBy: "metricForBestModel", schedule: { rate: "learningRate" } };
const batch: Renames = { rows: "batchSize", accumulate: "gradientAccumulationSteps" };

/** The settings that have other names since 0.1, by the place where they are given. */
const renames = {
  run,
  recipe: { ...batch, ...run },
  options: { ...batch, rate: "learningRate", config: run },
  logEntry: { norm: "gradientNorm", rate: "learningRate" },
} satisfies Readonly<Record<string, Renames>>;

/** Receives the note that settings were given by their earlier names. */
export type OnRenamed = (note: string) => void;

const warnOfDeprecation: OnRenamed = (note) => warn(note, "DeprecationWarning");

/**
 * Settings by their present names. Earlier names are accepted for one version, with a note.
 * @param what the settings' name in messages, such as their file
 * @throws if a setting is given by both names
 */
export function presentNames<T>(
  settings: T,
  place: "run" | "recipe" | "options",
  what: string,
  onRenamed: OnRenamed = warnOfDeprecation,
): T {
  const found: string[] = [];
  const renamed = rename(settings, renames[place], (earlier, present, isTwice) => {
    check(!isTwice, "config", () => `${what}: ${earlier} and ${present} are one setting; give ${present} alone`);
    found.push(`${earlier} is now ${present}`);
  });
  if (found.length > 0) onRenamed(`${what}: ${found.join(", ")}; the next version rejects the earlier names`);
  return renamed as T;
}

/** A line of a log by present names. */
export function presentEntry<T>(entry: T): T {
  return rename(entry, renames.logEntry, () => {}) as T;
}

/** A flat fingerprint by present names. */
export function presentFingerprint(fingerprint: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fingerprint).map(([path, value]) => [presentPath(path), value]));
}

function presentPath(path: string): string {
  const parts = path.split(".");
  let names: string | Renames | undefined = renames.recipe;
  for (const part of parts) names = typeof names === "object" ? ownEntry(names, part) : undefined;
  return typeof names === "string" ? [...parts.slice(0, -1), names].join(".") : path;
}

/**
 * Renames the keys of an object and of those within. An undefined value yields to one by the other name.
 * @param onFound receives each key with a value, and whether the present one has a value too
 */
function rename(
  value: unknown,
  names: Renames,
  onFound: (earlier: string, present: string, isTwice: boolean) => void,
  prefix = "",
): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const settings = value as Readonly<Record<string, unknown>>;
  const renamed = new Map<string, unknown>();
  for (const [key, inner] of Object.entries(settings)) {
    const present = ownEntry(names, key);
    if (typeof present === "object") renamed.set(key, rename(inner, present, onFound, `${prefix}${key}.`));
    else if (present === undefined) renamed.set(key, inner === undefined ? renamed.get(key) : inner);
    else {
      if (inner !== undefined) onFound(prefix + key, prefix + present, settings[present] !== undefined);
      renamed.set(present, inner === undefined ? renamed.get(present) : inner);
    }
  }
  return Object.fromEntries(renamed);
}
