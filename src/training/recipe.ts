import { check, LecternError, nearest } from "../common/index.ts";

/** A training run as a file: the model's `config.json`, which books are held out, and how to learn. */
export interface Recipe {
  readonly config: Readonly<Record<string, unknown>>;
  readonly heldOut: readonly string[];
  readonly seed: number;
  readonly rows: number;
  readonly length: number;
  readonly steps: number;
  readonly rate: number;
  readonly minRatio: number;
  readonly warmupSteps: number;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly clip: number;
  readonly checkpointEvery: number;
}

const numbers = [
  "seed",
  "rows",
  "length",
  "steps",
  "rate",
  "minRatio",
  "warmupSteps",
  "weightDecay",
  "beta1",
  "beta2",
  "clip",
  "checkpointEvery",
] as const;

/** Checks a parsed recipe: every field there, of its type, and none besides. */
export function parseRecipe(json: unknown): Recipe {
  check(typeof json === "object" && json !== null && !Array.isArray(json), "config", () => "recipe: must be an object");
  const fields = json as Record<string, unknown>;
  const known = ["config", "heldOut", ...numbers];
  const unknown = Object.keys(fields).find((key) => !known.includes(key));
  if (unknown)
    throw new LecternError("config", `recipe: ${unknown} is not known; did you mean ${nearest(unknown, known)}?`);
  for (const key of numbers) {
    check(
      typeof fields[key] === "number" && fields[key] >= 0,
      "config",
      () => `recipe: ${key} must be a number from 0; came ${JSON.stringify(fields[key])}`,
    );
  }
  check(
    typeof fields.config === "object" && fields.config !== null,
    "config",
    () => "recipe: config must be an object",
  );
  const held = fields.heldOut;
  check(
    Array.isArray(held) && held.every((name) => typeof name === "string"),
    "config",
    () => "recipe: heldOut must be a list of file names",
  );
  return fields as unknown as Recipe;
}
