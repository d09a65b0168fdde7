import type { JsonSchema } from "../inference/index.ts";
import { type Choice, generateChoices, type TokenCounts } from "./choices.ts";
import { checkGenerates, type RequestContext } from "./context.ts";
import { type AnsweredCall, AnswerReader, conversationOf } from "./conversation.ts";
import type { ModelLease } from "./models.ts";
import { type CommonBody, countTokens, prepare } from "./prepare.ts";
import type { ChatRequest } from "./schemas/chat.ts";

/** A conversation in the words of chats, whatever protocol it came by. */
interface ConverseRequest {
  readonly body: CommonBody;
  readonly messages: ChatRequest["messages"];
  readonly tools: ChatRequest["tools"];
  readonly toolChoice: ChatRequest["tool_choice"];
  readonly isParallel: boolean | undefined;
  readonly length: { readonly asked: number | undefined; readonly field: string };
  readonly logProbs?: number | undefined;
  /** The schema that the answer must fit. */
  readonly schema?: JsonSchema | undefined;
}

/** Functions that hear of the answer as it grows. */
interface ConverseEvents {
  readonly onText?: (text: string) => void;
  readonly onCall?: (call: AnsweredCall) => void;
}

/** A part of an answer, in the order in which it was written. */
export type AnswerPart = { readonly text: string } | AnsweredCall;

/** One answer to a conversation. */
export interface Conversed {
  readonly parts: readonly AnswerPart[];
  readonly choice: Choice;
  readonly counts: TokenCounts;
}

/** A conversation that is checked and may begin. */
export function converse(
  lease: ModelLease,
  context: RequestContext,
  { body, messages, tools, toolChoice, isParallel, length, logProbs, schema }: ConverseRequest,
): { readonly promptTokens: number; run(events?: ConverseEvents): Promise<Conversed> } {
  checkGenerates(lease);
  const chat = { messages, tools, tool_choice: toolChoice, parallel_tool_calls: isParallel };
  const { ids, form, schema: called } = conversationOf(chat, lease);
  const preset = Number(lease.model.generationConfig.max_new_tokens ?? Number.POSITIVE_INFINITY);
  const own = { body, rows: [ids], count: 1, length: { ...length, preset }, logProbs, schema: called ?? schema };
  const request = prepare(lease, context, own);
  const run = async ({ onText, onCall }: ConverseEvents = {}): Promise<Conversed> => {
    const reader = new AnswerReader(form);
    const parts: AnswerPart[] = [];
    const take = ({ text, calls }: ReturnType<AnswerReader["end"]>): void => {
      const last = parts.at(-1);
      if (text !== "" && last && "text" in last) parts[parts.length - 1] = { text: last.text + text };
      else if (text !== "") parts.push({ text });
      if (text !== "") onText?.(text);
      for (const call of calls) {
        parts.push(call);
        onCall?.(call);
      }
    };
    const onPiece = ({ text }: { readonly text: string }): void => take(reader.push(text));
    const isKept = form !== undefined;
    const { choices, counts } = await generateChoices({ ...request, keepsSpecialTokens: isKept, onPiece });
    take(reader.end());
    countTokens(body.model, counts, context);
    return { parts, choice: choices[0] as Choice, counts };
  };
  return { promptTokens: ids.length, run };
}
