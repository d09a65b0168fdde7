import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../examples/ask-a-folder/ask.mjs";
import { chatModel, started } from "./server/server.ts";

const file = join(mkdtempSync(join(tmpdir(), "ask-a-folder-")), "index");
let server: Awaited<ReturnType<typeof started>>;
beforeAll(async () => {
  server = await started({ models: [{ name: "chat", location: chatModel }], apiKeys: ["a key of eight"] });
});
afterAll(async () => {
  await server.close();
  rmSync(join(file, ".."), { recursive: true });
});

test("the example with the AI SDK streams an answer over a socket, with the passages that the model read", async () => {
  const settings = { baseURL: `${server.url}/v1`, model: "chat", maxOutputTokens: 8, topK: 1, file }; // its window has 1,024 tokens
  const pieces: string[] = [];
  const { answer, passages } = await ask("docs", "How long must an API key be at least?", {
    ...settings,
    apiKey: "a key of eight",
    onText: (piece) => void pieces.push(piece),
  });
  expect(answer).toBe(pieces.join(""));
  expect(passages).toHaveLength(1);
  for (const { file: name, from, to, text } of passages) {
    const lines = readFileSync(join("docs", name), "utf8")
      .split("\n")
      .slice(from - 1, to);
    expect(lines.join("\n")).toContain(text);
  }
  const none = await ask("docs", "Zebras?", { ...settings, apiKey: "a key of eight" });
  expect(none).toEqual({ answer: undefined, passages: [] });
  const refused = ask("docs", "How long must an API key be at least?", { ...settings, apiKey: "wrong" });
  await expect(refused).rejects.toThrow(/key/);
});
