import type { FinishReason, Sequence } from "../generation/index.ts";
import type { ChatOptions, Message, ToolCall } from "../tokenizers/index.ts";
import type { Timing, Usage } from "./host/host.ts";

/** One of these, or several prompts at once. */
export interface GenerateInput {
  /** One prompt. */
  readonly prompt?: string;
  /** Several prompts, computed in one batch. */
  readonly prompts?: readonly string[];
  /** Token ids of one prompt, or rows of them; used as they are, nothing is added. */
  readonly inputIds?: readonly number[] | readonly (readonly number[])[];
  /** A conversation, written out by the model's chat template. */
  readonly messages?: readonly Message[];
  /** Variables of the chat template beside the messages: tools, documents, its own. */
  readonly chat?: ChatOptions;
}

/** One generated sequence; where `chat` names tools, its text is what stands outside the calls. */
export interface GeneratedSequence extends Sequence {
  /** The calls of tools that the sequence holds, where `chat` names tools. */
  readonly toolCalls?: readonly ToolCall[];
}

/** All generated sequences, with the fields of the first one beside them. */
export interface GenerateResult {
  /** The token ids of each prompt. */
  readonly inputIds: readonly (readonly number[])[];
  /** All sequences: prompts × return sequences, in order. */
  readonly sequences: readonly GeneratedSequence[];
  /** The first sequence. */
  readonly outputIds: readonly number[];
  /** The text of the first sequence. */
  readonly text: string;
  /** The calls of tools in the first sequence, where `chat` names tools. */
  readonly toolCalls?: readonly ToolCall[];
  /** The reason why the first sequence ended. */
  readonly finishReason: FinishReason;
  /** The number of new tokens that fitted in the context window, where more were asked for. */
  readonly newTokensThatFit?: number;
  /** The number of tokens that the generation read and wrote, of all sequences. */
  readonly usage: Usage;
  /** The time that the generation took. */
  readonly timing: Timing;
}
