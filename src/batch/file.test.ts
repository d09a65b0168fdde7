import { expect, test } from "vitest";
import { readBatchFile } from "./file.ts";

const line = (fields: object = {}, body: object = {}): string =>
  JSON.stringify({
    custom_id: "a",
    method: "POST",
    url: "/v1/completions",
    body: { model: "stories", prompt: "x", ...body },
    ...fields,
  });

test("reads requests in order; the same ones have the same name", () => {
  const text = `${line()}\n\n${line({ custom_id: "b" })}\n`;
  const file = readBatchFile(text, "f");
  expect(file.model).toBe("stories");
  expect(file.lines.map(({ customId }) => customId)).toEqual(["a", "b"]);
  expect(file.id).toMatch(/^batch_[0-9a-f]{24}$/);
  expect(readBatchFile(text.trim(), "g").id).toBe(file.id);
  expect(readBatchFile(line(), "f").id).not.toBe(file.id);
});

test.each([
  ["", "f has no request"],
  ["{", "f, line 1: is not JSON"],
  ["[]", "f, line 1: must be an object"],
  [line({ extra: 1 }), "there is no field extra"],
  [line({ custom_id: 3 }), "custom_id must be a text"],
  [line({ method: "GET" }), 'method must be "POST"'],
  [line({ url: "/v1/models/load" }), "url: must be one of /v1/completions"],
  [line({}, { max_tokns: 3 }), "there is no field max_tokns; did you mean max_tokens"],
  [line({}, { stream: true }), "stream: a stored answer is no stream"],
  [`${line()}\n${line()}`, "f, line 2: custom_id a is that of line 1 too"],
  [`${line()}\n${line({ custom_id: "b" }, { model: "other" })}`, "a batch has one model"],
])("refuses %s by its line", (text, message) => {
  expect(() => readBatchFile(text, "f")).toThrow(message);
});
