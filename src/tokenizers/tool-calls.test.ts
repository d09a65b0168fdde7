import { describe, expect, test } from "vitest";
import { readToolCalls, ToolCallReader, toolCallForm } from "./tool-calls.ts";

const hermes = toolCallForm((messages) => `<tool_call>\n${JSON.stringify(messages)}\n</tool_call>`);
const mistral = toolCallForm((messages) => `[TOOL_CALLS][${JSON.stringify(messages)}]</s>`);
const llama = toolCallForm((messages) => `<|start|>{"name": "${JSON.stringify(messages)}"}`);
const call = '{"name": "f", "arguments": {"a": "</x> é"}}';
const read = { name: "f", arguments: { a: "</x> é" } };

/** The pieces of an answer that comes in characters. */
function byCharacter(form: NonNullable<typeof hermes>, answer: string): { text: string; calls: unknown[] } {
  const reader = new ToolCallReader(form);
  const parts = [...Array.from(answer, (character) => reader.push(character)), reader.end()];
  return { text: parts.map(({ text }) => text).join(""), calls: parts.flatMap(({ calls }) => calls) };
}

describe("calls of tools", () => {
  test("are found in the form that the template writes", () => {
    expect([hermes?.open, mistral?.open, llama?.open]).toEqual(["<tool_call>", "[TOOL_CALLS]", "{"]);
    expect(toolCallForm(() => "no calls")).toBeUndefined();
    expect(
      toolCallForm(() => {
        throw new Error("no assistant");
      }),
    ).toBeUndefined();
  });

  test.each([
    ["one", hermes, `<tool_call>\n${call}\n</tool_call>`, "", [read]],
    [
      "text and two",
      hermes,
      `Let me see. \n<tool_call>${call}</tool_call>\n<tool_call>${call}</tool_call>`,
      "Let me see.",
      [read, read],
    ],
    ["without an end", hermes, `<tool_call>${call}`, "", [read]],
    ["arguments that are no JSON", hermes, "<tool_call>{oh}</tool_call>", "<tool_call>{oh}</tool_call>", []],
    ["no call", hermes, "a < b, <tool", "a < b, <tool", []],
    ["a list", mistral, `[TOOL_CALLS] [${call}, ${call}]`, "", [read, read]],
    [
      "names with arguments",
      mistral,
      '[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g{"b": 2}',
      "",
      [
        { name: "f", arguments: { a: 1 } },
        { name: "g", arguments: { b: 2 } },
      ],
    ],
    ["an object alone", llama, '{"name": "f", "parameters": {"a": 1}}', "", [{ name: "f", arguments: { a: 1 } }]],
    ["an object within text", llama, 'It is {"name": "f"}', 'It is {"name": "f"}', []],
  ])("%s", (_, form, answer, text, calls) => {
    if (!form) throw new Error("no form");
    expect(readToolCalls(form, answer)).toEqual({ text, calls });
    expect(byCharacter(form, answer)).toEqual({ text, calls });
  });
});

describe("calls that can be enforced", () => {
  const formOf = (write: (name: string, args: string) => string) =>
    toolCallForm((messages) => {
      const [call] = (messages[1] as unknown as { tool_calls: { function: { name: string; arguments: object } }[] })
        .tool_calls;
      return `<|start|>${write(call?.function.name ?? "", JSON.stringify(call?.function.arguments))}<|end|>`;
    })?.json;

  test("are JSON objects of a name and arguments, behind a mark or bare", () => {
    expect(formOf((name, args) => `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`)).toEqual({
      lead: "<tool_call>\n",
      argumentsKey: "arguments",
    });
    expect(formOf((name, args) => `[TOOL_CALLS] [{"name": "${name}", "arguments": ${args}}]`)).toEqual({
      lead: "[TOOL_CALLS] [",
      argumentsKey: "arguments",
    });
    expect(formOf((name, args) => `{"name": "${name}", "parameters": ${args}}`)).toEqual({
      lead: "",
      argumentsKey: "parameters",
    });
  });

  test("are none of another form", () => {
    expect(formOf((name, args) => `[TOOL_CALLS]${name}[ARGS]${args}`)).toBeUndefined();
    expect(formOf((name, args) => `<functioncall> {"name": "${name}", "arguments": '${args}'}`)).toBeUndefined();
    expect(
      formOf((name, args) => `<tool_call>{"id": 3, "name": "${name}", "arguments": ${args}}</tool_call>`),
    ).toBeUndefined();
  });
});
