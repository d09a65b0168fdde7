import { expect, test } from "vitest";
import { messagesOf } from "./messages.ts";

const user = { role: "user", content: "hi" };
const calls = { role: "assistant", content: null, tool_calls: [{}] };

test.each([
  ["hi", 'chat.jsonl, row 7: talk must be a list such as [{"role": "user", "content": "…"}]; got "hi"'],
  [[user, 2], 'chat.jsonl, row 7: talk: message 2 must be {"role": "…", "content": "…"}; got 2'],
  [[{ role: "user" }], 'talk: message 1 must be {"role": "…", "content": "…"}; got {"role":"user"}'],
  [[], "talk must be a list such as"],
])("what is no conversation is named: %j", (talk, message) => {
  expect(() => messagesOf("chat.jsonl", { row: 7, fields: { talk } }, "talk")).toThrow(message);
});

test("a turn may call tools in place of a text", () => {
  const talk = [user, calls];
  expect(messagesOf("chat.jsonl", { row: 1, fields: { talk } }, "talk")).toEqual(talk);
});
