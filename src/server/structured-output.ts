import type { z } from "zod";
import type { JsonSchema } from "../inference/index.ts";
import { ApiError } from "./errors.ts";
import type { responseFormat } from "./schemas/chat.ts";

/** A format as a request has it, whatever protocol it came by. */
export type ResponseFormat =
  | Exclude<z.infer<typeof responseFormat>, { type: "json_schema" }>
  | { readonly type: "json_schema"; readonly schema?: JsonSchema | undefined };

/**
 * The schema that an answer must fit; undefined: any text. It is enforced whether or not the request is `strict`, and what
 * cannot be enforced is refused when generation begins.
 * @param field the name of the request's field
 */
export function answerSchema(
  format: ResponseFormat | null | undefined,
  tools: readonly unknown[] | null | undefined,
  field: string,
): JsonSchema | undefined {
  if (!format || format.type === "text") return undefined;
  if (tools && tools.length > 0)
    throw new ApiError(400, `${field}: ${format.type} leaves no room for calls: leave out tools or ${field}`, {
      param: field,
      code: "unsupported_parameter",
    });
  if (format.type === "json_object") return { type: "object" };
  if (format.schema === undefined)
    throw new ApiError(400, `${field}: a json_schema needs its schema`, { param: field, code: "invalid_value" });
  return format.schema;
}
