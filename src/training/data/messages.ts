import { check, shown } from "../../common/index.ts";
import type { Message } from "../../tokenizers/index.ts";
import { type Example, fieldOf } from "./examples.ts";

/** The conversation of an example; one that is none is named with its row. */
export function messagesOf(path: string, example: Example, column: string): Message[] {
  const messages = fieldOf(example, column);
  const at = `${path}, row ${example.row}: ${column}`;
  check(
    Array.isArray(messages) && messages.length > 0,
    "input",
    () => `${at} must be a list such as [{"role": "user", "content": "…"}]; got ${shown(messages)}`,
  );
  const wrong = messages.findIndex((message: unknown) => !isMessage(message));
  check(
    wrong < 0,
    "input",
    () => `${at}: message ${wrong + 1} must be {"role": "…", "content": "…"}; got ${shown(messages[wrong])}`,
  );
  return messages as Message[];
}

/** A turn that calls tools may say nothing. */
function isMessage(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { role, content, tool_calls: calls } = value as Record<string, unknown>;
  return typeof role === "string" && (typeof content === "string" || Array.isArray(content) || Array.isArray(calls));
}
