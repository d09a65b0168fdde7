import { expect, test } from "vitest";
import { createAnswerer } from "../../src/server/index.ts";
import { fixture } from "../helpers/fixtures.ts";
import { chatModel, checkSchema } from "./server.ts";

test("stored requests get the answers of their routes, and evaluations besides", async () => {
  const encoder = fixture("models/bert");
  const answerer = createAnswerer({
    models: ["stories", "sentiment"]
      .map((name) => ({ name, location: name }))
      .concat([
        { name: "chat", location: chatModel },
        { name: "bert", location: encoder },
      ]),
  });
  const ask = (url: string, body: object) =>
    answerer.answer({ url, body }, { id: "1", signal: new AbortController().signal });
  const completion = await ask("/v1/completions", { model: "stories", prompt: "Once", max_tokens: 3, temperature: 0 });
  checkSchema("CreateCompletionResponse", completion.body);
  const chat = await ask("/v1/chat/completions", {
    model: "chat",
    messages: [{ role: "user", content: "hi" }],
    max_tokens: 3,
  });
  checkSchema("CreateChatCompletionResponse", chat.body);
  const embedding = await ask("/v1/embeddings", { model: "bert", input: "a text" });
  checkSchema("CreateEmbeddingResponse", embedding.body);
  const classes = await ask("/v1/classify", { model: "sentiment", input: "a joy to watch" });
  expect(classes).toMatchObject({ status: 200, body: { data: [{ label: "positive" }] } });
  const run = await ask("/v1/evaluations", { model: "stories", task: "animal-sounds", limit: 2 });
  expect(run).toMatchObject({ status: 200, body: { object: "evaluation", model: "stories", n: 2 } });
  const refused = await ask("/v1/evaluations", { model: "stories", task: "/etc/passwd" });
  expect(refused).toMatchObject({ status: 400, body: { error: { param: "task" } } });
  expect(await ask("/v1/completions", { model: "none", prompt: "x" })).toMatchObject({ status: 404 });
  const stopped = await answerer.answer(
    { url: "/v1/completions", body: { model: "stories", prompt: "Once", max_tokens: 50 } },
    { id: "1", signal: AbortSignal.abort() },
  );
  expect(stopped.status).toBe(503);
  await answerer.dispose();
});
