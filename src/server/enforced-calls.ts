import type { JsonSchema } from "../inference/index.ts";
import type { ToolCallForm, ToolCallJson } from "../tokenizers/index.ts";
import { ApiError, badField } from "./errors.ts";
import type { ChatRequest, Tool } from "./schemas/chat.ts";

/** A call that the answer must be. */
export interface EnforcedCall {
  /** The text that the template writes before the call's JSON, with which the prompt ends. */
  readonly lead: string;
  /** The schema of the JSON. */
  readonly schema: JsonSchema;
}

/** The tools of which one must be called; undefined where the model may answer in words. */
export function calledTools(
  tools: readonly Tool[] | undefined,
  choice: ChatRequest["tool_choice"],
): readonly Tool[] | undefined {
  if (choice !== "required" && (typeof choice !== "object" || choice === null)) return undefined;
  if (!tools) throw badField("tool_choice", "there are no tools to call");
  if (choice === "required") return tools;
  const { name } = choice.function;
  const named = tools.filter((tool) => tool.function.name === name);
  if (named.length > 0) return named;
  const list = tools.map((tool) => tool.function.name).join(", ");
  throw badField("tool_choice", `there is no tool ${name.slice(0, 64)}; there are ${list}`);
}

/** The schema of one call. References within a tool's parameters stay within them, which an `$id` of their own sees to. */
function callSchema({ function: { name, parameters } }: Tool, { argumentsKey }: ToolCallJson): JsonSchema {
  const refers = parameters && !("$id" in parameters) && JSON.stringify(parameters).includes('"$ref"');
  const own = { ...(refers && { $id: `https://lectern.invalid/tools/${name}` }), type: "object", ...parameters };
  return {
    type: "object",
    properties: { name: { const: name }, [argumentsKey]: own },
    required: ["name", argumentsKey],
    additionalProperties: false,
  };
}

/** The form of an answer that must be one call of one of the tools. */
export function enforcedCall(tools: readonly Tool[], { json }: ToolCallForm): EnforcedCall {
  if (!json)
    throw new ApiError(
      400,
      "tool_choice: this model's chat template writes calls in a form that cannot be enforced: give auto or none",
      { param: "tool_choice", code: "unsupported_parameter" },
    );
  const schemas = tools.map((tool) => callSchema(tool, json));
  const [first] = schemas;
  return { lead: json.lead, schema: schemas.length === 1 && first ? first : { anyOf: schemas } };
}
