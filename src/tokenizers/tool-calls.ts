import { isObject } from "../common/index.ts";
import type { Message } from "./chat-message.ts";

/** A call of a function that a model wrote. */
export interface ToolCall {
  /** The function's name. */
  readonly name: string;
  /** Its arguments as a JSON object. */
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A form in which models write calls. */
export interface ToolCallForm {
  /** The text that begins a call. */
  readonly open: string;
  /** The text that ends it; undefined where the end of the answer does. */
  readonly close: string | undefined;
  /** The form of a call as JSON; undefined where it is written in another way, so that it cannot be enforced. */
  readonly json?: ToolCallJson | undefined;
}

/** A call as a JSON object: `{"name": …, "arguments": …}`. */
export interface ToolCallJson {
  /** The text before the object, the opening mark included. */
  readonly lead: string;
  /** The name of the property that holds the arguments. */
  readonly argumentsKey: "arguments" | "parameters";
}

/** Forms of published models; which one a model has shows in what its template writes of a call. */
const forms: readonly ToolCallForm[] = [
  { open: "<tool_call>", close: "</tool_call>" },
  { open: "<|tool_call|>", close: "<|/tool_call|>" },
  { open: "<tool_calls>", close: "</tool_calls>" },
  { open: "[TOOL_CALLS]", close: undefined },
  { open: "<|python_tag|>", close: undefined },
  { open: "<|tool_call|>", close: undefined },
  { open: "<functioncall>", close: undefined },
];

/** A call without any mark: the whole answer is a JSON object, as LLaMA 3 writes it. */
export const bareCall: ToolCallForm = { open: "{", close: undefined };

const isBare = ({ open }: ToolCallForm): boolean => open === bareCall.open;

const PROBE = "lectern_probe";
const probe: readonly Message[] = [
  { role: "user", content: "probe" },
  {
    role: "assistant",
    content: "",
    tool_calls: [{ id: "abcdefghi", type: "function", function: { name: PROBE, arguments: { lectern_key: 1 } } }],
  },
];

/**
 * The form in which a chat template writes calls of tools; undefined where it writes none.
 *
 * @param render writes a conversation out
 */
export function toolCallForm(render: (messages: readonly Message[]) => string): ToolCallForm | undefined {
  let text: string;
  try {
    text = render(probe);
  } catch {
    return undefined;
  }
  const at = text.indexOf(PROBE);
  if (at < 0) return undefined;
  const before = text.slice(0, at);
  const after = text.slice(at);
  const form =
    forms.find(({ open, close }) => before.includes(open) && (close === undefined || after.includes(close))) ??
    (/[{[]\s*"/.test(before) ? bareCall : undefined);
  return form && { ...form, json: callJson(text, before, form) };
}

/** The form in which a template writes a call as JSON, read off its rendering of a probe. */
function callJson(text: string, before: string, form: ToolCallForm): ToolCallJson | undefined {
  const begin = before.lastIndexOf("{");
  const open = isBare(form) ? begin : before.lastIndexOf(form.open);
  if (begin < open || !/^\{\s*"name":\s*"$/.test(before.slice(begin))) return undefined;
  const [, argumentsKey] =
    /^",\s*"(arguments|parameters)":\s*\{\s*"lectern_key"/.exec(text.slice(before.length + PROBE.length)) ?? [];
  const lead = before.slice(open, begin);
  const isLead = isBare(form) || /^\s*\[?\s*$/.test(lead.slice(form.open.length));
  return argumentsKey && isLead ? { lead, argumentsKey: argumentsKey as ToolCallJson["argumentsKey"] } : undefined;
}

/** A call in an object of JSON; undefined for anything else. */
function readCall(value: unknown): ToolCall | undefined {
  if (!isObject(value)) return undefined;
  const inner = isObject(value.function) ? value.function : value;
  const { name } = inner;
  let args: unknown = inner.arguments === undefined ? (inner.parameters ?? {}) : inner.arguments;
  if (typeof args === "string") args = parsed(args);
  return typeof name === "string" && name !== "" && isObject(args) ? { name, arguments: args } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The calls in what stands between two marks: an object, a list of them, or a name with its arguments. */
function readCalls(text: string): readonly ToolCall[] | undefined {
  const named = /^\s*([\w.-]+)\s*(?:\[ARGS\])?\s*(\{[\s\S]*\})\s*$/.exec(text);
  const value = named ? { name: named[1], arguments: parsed(named[2] as string) ?? null } : parsed(text);
  const calls = (Array.isArray(value) ? value : [value]).map(readCall);
  return calls.length > 0 && calls.every((call) => call !== undefined) ? calls : undefined;
}

/** New parts of an answer: its text, and calls that are complete. */
export interface ToolCallPieces {
  readonly text: string;
  readonly calls: readonly ToolCall[];
}

/**
 * Takes the calls out of an answer as it grows. What looks like a call and is none, as when its arguments are no JSON,
 * stays in the text as it was written.
 */
export class ToolCallReader {
  readonly #form: ToolCallForm;
  #held = "";
  #isFirst = true;
  #called = false;

  constructor(form: ToolCallForm) {
    this.#form = form;
  }

  push(piece: string): ToolCallPieces {
    this.#held += piece;
    return this.#read(false);
  }

  end(): ToolCallPieces {
    return this.#read(true);
  }

  #read(isEnd: boolean): ToolCallPieces {
    const calls: ToolCall[] = [];
    let text = "";
    for (;;) {
      const part = this.#next(isEnd);
      text += part.text;
      calls.push(...part.calls);
      if (!part.goesOn) return { text: this.#trimmed(text), calls };
    }
  }

  /** The next stretch of the held text that is certain. */
  #next(isEnd: boolean): ToolCallPieces & { readonly goesOn: boolean } {
    const { open, close } = this.#form;
    const at = this.#begin(open);
    if (at < 0) {
      const kept = isEnd ? 0 : this.#possible(open);
      const text = this.#held.slice(0, this.#held.length - kept);
      this.#held = this.#held.slice(text.length);
      if (text.trim() !== "") this.#isFirst = false;
      return { text, calls: [], goesOn: false };
    }
    const end = close === undefined ? (isEnd ? this.#held.length : -1) : this.#held.indexOf(close, at + open.length);
    if (end < 0 && !isEnd) {
      const text = this.#held.slice(0, at).trimEnd();
      this.#held = this.#held.slice(text.length);
      return { text, calls: [], goesOn: false };
    }
    const stop = end < 0 ? this.#held.length : end;
    const inner = this.#held.slice(at + (isBare(this.#form) ? 0 : open.length), stop);
    const calls = readCalls(inner) ?? this.#separate(inner);
    const after = stop + (end < 0 ? 0 : (close?.length ?? 0));
    const text = calls ? this.#held.slice(0, at) : this.#held.slice(0, after);
    this.#held = this.#held.slice(after);
    this.#isFirst = false;
    if (calls) this.#called = true;
    return { text, calls: calls ?? [], goesOn: this.#held !== "" };
  }

  /** Several calls, each with the opening mark of its own. */
  #separate(inner: string): readonly ToolCall[] | undefined {
    const { open, close } = this.#form;
    if (close !== undefined || isBare(this.#form) || !inner.includes(open)) return undefined;
    const each = inner.split(open).map(readCalls);
    return each.every((calls) => calls !== undefined) ? each.flat() : undefined;
  }

  #begin(open: string): number {
    if (!isBare(this.#form)) return this.#held.indexOf(open);
    return this.#isFirst && this.#held.trimStart().startsWith(open) ? this.#held.indexOf(open) : -1;
  }

  /** The length of the longest end of the held text that may become the opening mark. */
  #possible(open: string): number {
    if (isBare(this.#form)) return this.#isFirst && this.#held.trim() === "" ? this.#held.length : 0;
    let begun = Math.min(open.length - 1, this.#held.length);
    while (begun > 0 && !open.startsWith(this.#held.slice(-begun))) begun--;
    const before = this.#held.slice(0, this.#held.length - begun);
    return this.#held.length - before.trimEnd().length; // space before a call is none of the answer's
  }

  /** The text without the space that separates calls. */
  #trimmed(text: string): string {
    return this.#called ? text.trimEnd() : text;
  }
}

/** An answer without its calls, and the calls. */
export function readToolCalls(form: ToolCallForm, answer: string): ToolCallPieces {
  const reader = new ToolCallReader(form);
  const first = reader.push(answer);
  const last = reader.end();
  return { text: first.text + last.text, calls: [...first.calls, ...last.calls] };
}
