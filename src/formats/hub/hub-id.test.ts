import { expect, test } from "vitest";
import { parseHubId } from "./hub-id.ts";

test.each([
  ["openai-community/gpt2", { repository: "openai-community/gpt2" }],
  ["a/b@refs/pr/1", { repository: "a/b", revision: "refs/pr/1" }],
  ["a/b:Q4_0", { repository: "a/b", quantization: "Q4_0" }],
  ["a/b@v1:Q4_K_M", { repository: "a/b", revision: "v1", quantization: "Q4_K_M" }],
  ["a/b/sub/model.Q4_0.gguf", { repository: "a/b", file: "sub/model.Q4_0.gguf" }],
  ["a/b.c/pytorch_model.bin@main", { repository: "a/b.c", file: "pytorch_model.bin", revision: "main" }],
])("%s is read as a Hub id", (text, id) => {
  expect(parseHubId(text)).toEqual(id);
});

test.each([
  "gpt2",
  "./models/stories",
  "../a/b",
  "/a/b",
  "no/such/model",
  "a/b--c",
  "a/b..c",
  "a/b.git",
  "a/../b.gguf",
  "a/b/../../etc/passwd.gguf",
  "a/b@../../x",
  "https://example.com/a/b",
  "a/b c",
  `a/${"b".repeat(100)}`,
])("%s is no Hub id", (text) => {
  expect(parseHubId(text)).toBeUndefined();
});
