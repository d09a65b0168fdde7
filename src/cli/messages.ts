import { readFile } from "node:fs/promises";
import { LecternError } from "../common/index.ts";
import type { GenerateInput } from "../inference/index.ts";
import type { ChatOptions, Message } from "../tokenizers/index.ts";

export interface ConversationFlags {
  readonly system?: string;
  readonly messages?: string;
}

/** A conversation to go on with, and what its template gets beside it. */
export interface Conversation {
  readonly messages: readonly Message[];
  readonly chat: ChatOptions;
}

/** The fields of a file of messages beside them, as in OpenAI's interface and Python's `apply_chat_template`. */
const beside = ["tools", "documents", "chatTemplate", "chatTemplateArguments", "continueFinalMessage"];

/** The conversation that `--system` and `--messages` begin; undefined where neither is given. */
export async function readConversation({
  system,
  messages: file,
}: ConversationFlags): Promise<Conversation | undefined> {
  if (system === undefined && file === undefined) return undefined;
  const { messages, ...chat } = file === undefined ? { messages: [] } : await readMessages(file);
  const isDouble = system !== undefined && messages[0]?.role === "system";
  if (isDouble)
    throw new LecternError("usage", `--system: ${file} begins with a system message already: leave one out`);
  return { messages: system === undefined ? messages : [{ role: "system", content: system }, ...messages], chat };
}

async function readMessages(file: string): Promise<ChatOptions & { messages: Message[] }> {
  const text = await readFile(file, "utf8").catch((cause) => {
    throw new LecternError("file", `--messages ${file} cannot be read: ${(cause as Error).message}`, { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LecternError("file", `--messages ${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const parts = (Array.isArray(value) ? { messages: value } : value) as Record<string, unknown> | null;
  if (!Array.isArray(parts?.messages))
    throw new LecternError("file", `--messages ${file} must hold a list of messages, or an object with messages`);
  const unknown = Object.keys(parts).find((key) => key !== "messages" && !beside.includes(key));
  if (unknown !== undefined)
    throw new LecternError(
      "file",
      `--messages ${file}: ${unknown} is not known; beside messages: ${beside.join(", ")}`,
    );
  return { ...parts, messages: parts.messages } as ChatOptions & { messages: Message[] };
}

/** The input of generation: a conversation, with the prompt as its next turn where one is given. */
export function conversationInput({ messages, chat }: Conversation, prompt: string | undefined): GenerateInput {
  return { messages: prompt === undefined ? messages : [...messages, { role: "user", content: prompt }], chat };
}
