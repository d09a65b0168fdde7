import type { z } from "zod";
import { didYouMean, LecternError } from "../errors.ts";

/** Reads a value by a schema; the first thing that does not fit becomes an error in words. */
export function parseWith<T>(schema: z.ZodType<T>, json: unknown, what: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = innermost(result.error.issues as [z.core.$ZodIssue]);
  const place = issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  const hint = issue.code === "unrecognized_keys" ? hintFor(schema, issue.path, issue.keys[0] as string) : "";
  throw new LecternError("config", `${what}: ${place}${plain(issue.message)}${hint}`);
}

/** zod's words for a value of another type, in ours. */
function plain(message: string): string {
  return message
    .replace(/^Invalid input: expected (.*), received undefined$/, "is missing; expected $1")
    .replace(/^Invalid input: expected (.*), received (.*)$/, "expected $1; got $2");
}

/** The first issue; of a value that may be one of several, that of the kind which it misses by least. */
function innermost([first]: readonly [z.core.$ZodIssue, ...unknown[]]): z.core.$ZodIssue {
  if (first.code !== "invalid_union") return first;
  const [closest] = [...first.errors].filter(({ length }) => length > 0).sort((a, b) => a.length - b.length);
  if (!closest) return first;
  const inner = innermost(closest as [z.core.$ZodIssue]);
  return { ...inner, path: [...first.path, ...inner.path] };
}

function hintFor(schema: unknown, path: readonly PropertyKey[], key: string): string {
  let at = schema as { shape?: Record<string, unknown>; unwrap?: () => unknown } | undefined;
  for (const part of path) at = at?.shape?.[String(part)] as typeof at;
  while (at && !at.shape && at.unwrap) at = at.unwrap() as typeof at;
  const known = Object.keys(at?.shape ?? {});
  return didYouMean(key, known);
}
