import type { z } from "zod";
import { didYouMean } from "../../common/index.ts";
import { ApiError, badField } from "../errors.ts";
import { renamedFields } from "./sampling.ts";

/** The deepest nesting of a request; templates and schemas need less. */
const DEEPEST = 64;

/** Refuses a text whose brackets nest too deeply, before anything recurses into it. */
function checkDepth(text: string): void {
  let depth = 0;
  let isInText = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (isInText) {
      if (c === "\\") i++;
      else if (c === '"') isInText = false;
    } else if (c === '"') isInText = true;
    else if (c === "{" || c === "[") {
      if (++depth > DEEPEST)
        throw new ApiError(400, `the body nests more than ${DEEPEST} levels deep`, { code: "invalid_json" });
    } else if (c === "}" || c === "]") depth--;
  }
}

/** A body's text as JSON. */
export function parseJsonBody(text: string): unknown {
  checkDepth(text);
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, "the body is not valid JSON", { code: "invalid_json" });
  }
}

/** The issue that says most: of a value that may be one of several, that of the kind which it misses by least. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== "invalid_union") return issue;
  const deepest = (issues: readonly z.core.$ZodIssue[]): number => Math.max(...issues.map(({ path }) => path.length));
  const [closest] = issue.errors
    .filter(({ length }) => length > 0)
    .sort((a, b) => deepest(b) - deepest(a) || a.length - b.length);
  if (!closest) return issue;
  const ofKind = deepest(closest) > 0 ? closest : issue.errors.find(([first]) => first && !isOfOtherKind(first));
  if (!ofKind) return { ...issue, message: kindsMessage(issue) };
  const inner = innermost(ofKind[0] as z.core.$ZodIssue);
  return { ...inner, path: [...issue.path, ...inner.path] };
}

function isOfOtherKind({ code }: z.core.$ZodIssue): boolean {
  return code === "invalid_type" || code === "invalid_value";
}

/** The message for a value that is of none of several kinds. */
function kindsMessage({ errors, message }: z.core.$ZodIssueInvalidUnion): string {
  const kinds = errors.flatMap(([first]) => (first?.code === "invalid_type" ? [first.expected] : []));
  const received = /, received \w+$/.exec(errors[0]?.[0]?.message ?? "")?.[0] ?? "";
  return kinds.length === errors.length ? `Invalid input: expected ${kinds.join(" or ")}${received}` : message;
}

/** The names of the fields at a place of a schema, as far as objects and lists of them lead there. */
function fieldsAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  let at = schema as { shape?: Record<string, unknown>; unwrap?: () => unknown; element?: unknown } | undefined;
  const opened = (value: typeof at): typeof at =>
    value?.unwrap && !value.shape ? opened(value.unwrap() as typeof at) : value;
  for (const part of path) at = opened(at)?.shape?.[String(part)] as typeof at;
  return Object.keys(opened(at)?.shape ?? {});
}

/**
 * A request's body by its schema.
 *
 * @throws ApiError 400 that names the first field that does not fit; one that is not known is never ignored
 */
export function parseBody<T>(schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json, { reportInput: false });
  if (result.success) return result.data;
  const issue = innermost(result.error.issues[0] as z.core.$ZodIssue);
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const name = [...issue.path, key].join(".").slice(0, 200);
    const reason = Object.hasOwn(renamedFields, key) ? `: ${renamedFields[key]}` : undefined;
    const hint = reason ?? didYouMean(key, fieldsAt(schema, issue.path));
    throw new ApiError(400, `there is no field ${name}${hint}`, {
      param: name,
      code: "unknown_field",
    });
  }
  const param = issue.path.join(".").slice(0, 200);
  if (param === "")
    throw new ApiError(400, `the body must be a JSON object: ${issue.message}`, { code: "invalid_value" });
  throw badField(
    param,
    issue.message.replace(/^Invalid input: expected (.*), received undefined$/, "is missing; expected $1"),
  );
}

/** Values of a field that change nothing, or the reason why others are refused. */
export interface Refusal {
  readonly why: string;
  readonly neutral: readonly unknown[];
}

/** Refuses fields that cannot be honoured, unless their value asks for nothing. */
export function refuseFields(
  body: Readonly<Record<string, unknown>>,
  refusals: Readonly<Record<string, Refusal>>,
): void {
  for (const [name, { why, neutral }] of Object.entries(refusals)) {
    const value = body[name];
    if (value === undefined || value === null) continue;
    if (neutral.some((each) => JSON.stringify(each) === JSON.stringify(value))) continue;
    throw new ApiError(400, `${name} is not supported: ${why}`, { param: name, code: "unsupported_parameter" });
  }
}
