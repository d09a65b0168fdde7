import { check, isObject, LecternError } from "../../common/index.ts";
import type { ConstraintOption } from "../../generation/index.ts";
import { COMPILE_LIMIT_MS, compileRegex, compileSchema, type Grammar } from "../../grammar/index.ts";

/** The form that a text must have, as it crosses to a worker. */
export interface GrammarSource {
  readonly option: ConstraintOption;
  /** The schema as JSON text, or the source of the expression. */
  readonly text: string;
  readonly ignoresCase: boolean;
}

/** A compiled form. */
export interface CompiledSource extends GrammarSource {
  readonly grammar: Grammar;
}

/** Compiles in a worker or, from source, in the caller's thread; code `abort` as soon as the signal fires. */
export type GrammarCompiler = (source: GrammarSource, signal: AbortSignal | undefined) => Promise<Grammar>;

/** After so many milliseconds a worker that does not answer is ended. */
export const WORKER_LIMIT_MS = COMPILE_LIMIT_MS + 2000;

/** The flags of an expression that change nothing here, or that are kept. */
const FLAGS = /^[dgiuy]*$/;

/** Reads the form that a call asks for; undefined where it asks for none. */
export function grammarSource(schema: unknown, regex: unknown): GrammarSource | undefined {
  check(
    schema === undefined || regex === undefined,
    "usage",
    () => "generate: schema and regex both give the text's form: leave one out",
  );
  if (schema !== undefined) return { option: "schema", text: schemaText(schema), ignoresCase: false };
  if (regex === undefined) return undefined;
  if (!(regex instanceof RegExp)) return { option: "regex", text: regex as string, ignoresCase: false };
  check(
    FLAGS.test(regex.flags),
    "usage",
    () => `generate: regex has the flags ${regex.flags}; only i and u can be kept, so leave out m, s and v`,
  );
  return { option: "regex", text: regex.source, ignoresCase: regex.ignoreCase };
}

function schemaText(schema: unknown): string {
  const isPlain = typeof schema === "boolean" || (isObject(schema) && !("_zod" in schema) && !("~standard" in schema));
  check(
    isPlain,
    "usage",
    () => 'generate: schema must be a JSON Schema, as { type: "object" }; convert a zod schema with z.toJSONSchema',
  );
  try {
    return JSON.stringify(schema);
  } catch (cause) {
    throw new LecternError("usage", `generate: schema is no JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Compiles in this thread. */
export function compileSource({ option, text, ignoresCase }: GrammarSource): Grammar {
  return option === "regex" ? compileRegex(text, { ignoresCase }) : compileSchema(JSON.parse(text));
}
