import { execFile } from "node:child_process";
import { promisify } from "node:util";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel, type Model } from "../../src/inference/index.ts";
import { checkSchema, events, get, post, started } from "./server.ts";

const prompt = "Once upon a time";
const greedy = { temperature: 0, max_tokens: 12 };

describe("POST /v1/completions", () => {
  let server: Awaited<ReturnType<typeof started>>;
  let model: Model;
  let url: string;
  let client: OpenAI;
  beforeAll(async () => {
    server = await started({ models: ["stories", "sentiment", { name: "broken", location: "/nowhere/at/all" }] });
    url = `${server.url}/v1/completions`;
    model = await loadModel("models/stories");
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  });
  afterAll(async () => {
    await server.close();
    await model.dispose();
  });

  test("answers what generate gives, to texts, token ids and batches", async () => {
    const { text } = await model.generate({ prompt }, { doSample: false, maxNewTokens: 12 });
    const ids = model.tokenizer?.encode(prompt).ids ?? [];
    const other = await model.generate({ prompt: "The dog" }, { doSample: false, maxNewTokens: 12 });
    const one = await post(url, { model: "stories", prompt, ...greedy });
    checkSchema("CreateCompletionResponse", one.body);
    expect(one.body.choices[0]).toMatchObject({ text, index: 0, finish_reason: "length" });
    expect(one.body.usage).toMatchObject({ prompt_tokens: ids.length, completion_tokens: 12 });
    for (const prompts of [
      [prompt, "The dog"],
      [ids, model.tokenizer?.encode("The dog").ids],
    ]) {
      const { body } = await post(url, { model: "stories", prompt: prompts, ...greedy });
      expect(body.choices.map((choice: { text: string }) => choice.text)).toEqual([text, other.text]);
    }
  });

  test("the openai client reads it, and its stream", async () => {
    const whole = await client.completions.create({ model: "stories", prompt, ...greedy });
    const stream = await client.completions.create({
      model: "stories",
      prompt,
      ...greedy,
      stream: true,
      stream_options: { include_usage: true },
    });
    let [text, tokens] = ["", 0];
    for await (const chunk of stream) {
      checkSchema("CreateCompletionResponse", chunk);
      text += chunk.choices[0]?.text ?? "";
      tokens += chunk.usage?.completion_tokens ?? 0;
    }
    expect(text).toBe(whole.choices[0]?.text);
    expect(tokens).toBe(12);
  });

  test("curl reads it", async () => {
    const args = [
      "-sN",
      url,
      "-H",
      "content-type: application/json",
      "-d",
      JSON.stringify({ model: "stories", prompt, ...greedy, stream: true }),
    ];
    const { stdout } = await promisify(execFile)("curl", args);
    expect(stdout.trimEnd().endsWith("data: [DONE]")).toBe(true);
  });

  test("echo gives the prompt with its log-probabilities, as lm-evaluation-harness asks for them", async () => {
    const ids = model.tokenizer?.encode(`${prompt} there was`).ids ?? [];
    const [scores = []] = await model.scoreTokens([ids], { top: 1 });
    const { body } = await post(url, {
      model: "stories",
      prompt: [ids],
      echo: true,
      logprobs: 1,
      max_tokens: 1,
      temperature: 0,
    });
    checkSchema("CreateCompletionResponse", body);
    const [{ logprobs, text }] = body.choices;
    expect(text.startsWith(`${prompt} there was`)).toBe(true);
    expect(logprobs.tokens).toHaveLength(ids.length + 1);
    expect(logprobs.token_logprobs[0]).toBeNull();
    expect(logprobs.top_logprobs[0]).toBeNull();
    for (const [i, score] of scores.entries()) {
      if (!score) continue;
      expect(logprobs.token_logprobs[i]).toBeCloseTo(score.logProb, 4);
      expect(Math.max(...(Object.values(logprobs.top_logprobs[i]) as number[]))).toBeCloseTo(
        score.top?.[0]?.logProb ?? 1,
        4,
      );
    }
    expect(logprobs.tokens.join("")).toContain(prompt);
    const nothing = await post(url, { model: "stories", prompt, echo: true, max_tokens: 0 });
    expect(nothing.body.choices[0].text).toBe(prompt);
    expect(nothing.body.usage.completion_tokens).toBe(0);
  });

  test("n and best_of draw apart by one seed; the best are the most probable", async () => {
    const draw = { model: "stories", prompt, max_tokens: 8, seed: 5, temperature: 1.3 };
    const six = await post(url, { ...draw, n: 6, logprobs: 0 });
    const texts = six.body.choices.map(({ text }: { text: string }) => text);
    expect(new Set(texts).size).toBeGreaterThan(1);
    const mean = ({ logprobs }: { logprobs: { token_logprobs: number[] } }): number =>
      logprobs.token_logprobs.reduce((sum, value) => sum + value, 0) / logprobs.token_logprobs.length;
    const ranked = [...six.body.choices].sort((a, b) => mean(b) - mean(a));
    const best = await post(url, { ...draw, n: 2, best_of: 6 });
    expect(best.body.choices.map(({ text }: { text: string }) => text)).toEqual(
      ranked.slice(0, 2).map(({ text }) => text),
    );
    expect(best.body.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1]);
    const same = await post(url, { model: "stories", prompt, n: 2, ...greedy });
    expect(same.body.choices[0].text).toBe(same.body.choices[1].text);
    expect(same.body.usage.completion_tokens).toBe(24);
  });

  test("stop strings are left out, of streams too", async () => {
    const { text } = await model.generate({ prompt }, { doSample: false, maxNewTokens: 24 });
    const stop = text.slice(9, 13);
    const expected = text.slice(0, text.indexOf(stop));
    const request = { model: "stories", prompt, temperature: 0, max_tokens: 24, stop: [stop, "never there"] };
    const { body } = await post(url, request);
    expect(body.choices[0]).toMatchObject({ text: expected, finish_reason: "stop" });
    const chunks = await events(url, { ...request, stream: true, logprobs: 0 });
    expect(chunks.map(({ choices }) => choices[0].text).join("")).toBe(expected);
    expect(chunks.at(-1).choices[0].finish_reason).toBe("stop");
  });

  test("options of Lectern and OpenAI change the answer", async () => {
    const plain = (await post(url, { model: "stories", prompt, ...greedy })).body.choices[0].text;
    const [first] = (await model.generate({ prompt }, { doSample: false, maxNewTokens: 1 })).outputIds;
    for (const option of [
      { logit_bias: { [String(first)]: -100 } },
      { repetition_penalty: 3 },
      { suppress_tokens: [first] },
      { frequency_penalty: 1000 },
    ]) {
      const { body, status } = await post(url, { model: "stories", prompt, ...greedy, ...option });
      expect(status, JSON.stringify(body)).toBe(200);
      if (!("frequency_penalty" in option)) expect(body.choices[0].text, JSON.stringify(option)).not.toBe(plain);
    }
    const beams = await post(url, { model: "stories", prompt, max_tokens: 8, num_beams: 3, do_sample: false, n: 2 });
    const own = await model.generate(
      { prompt },
      { numBeams: 3, doSample: false, numReturnSequences: 2, maxNewTokens: 8 },
    );
    expect(beams.body.choices.map(({ text }: { text: string }) => text)).toEqual(own.sequences.map(({ text }) => text));
  });

  test("a prompt one token too long is refused with the numbers", async () => {
    const window = model.contextWindow;
    const row = Array.from({ length: window + 1 }, () => 5);
    const { status, body } = await post(url, { model: "stories", prompt: row, max_tokens: 1 });
    expect(status).toBe(400);
    checkSchema("ErrorResponse", body);
    expect(body.error).toMatchObject({
      code: "context_length_exceeded",
      message: expect.stringContaining(`${window + 1} tokens, the context window ${window}: 1 too many`),
    });
    expect((await post(url, { model: "stories", prompt: row.slice(1), max_tokens: 1 })).status).toBe(200);
    expect((await post(url, { model: "stories", prompt: row.slice(1), max_tokens: 2 })).body.error.message).toContain(
      "room for 1",
    );
  });

  test.each([
    [{ suffix: "end" }, "suffix"],
    [{ num_beems: 2 }, "did you mean num_beams"],
    [{ temperature: -1 }, "temperature"],
    [{ top_k: 1.5 }, "top_k"],
    [{ best_of: 1, n: 2 }, "best_of"],
    [{ logprobs: 21 }, "logprobs"],
    [{ stop: Array.from({ length: 1000 }, () => "x") }, "stop: Too big: expected array to have <="],
    [{ stop: 5 }, "stop: Invalid input: expected string or array, received number"],
    [{ stream_options: { include_usage: true } }, "stream_options"],
    [{ assistant_model: "/etc" }, "assistant_model"],
    [{ max_new_tokens: 5 }, "max_new_tokens"],
    [{ num_beams: 2, stream: true }, "num_beams"],
    [{ prompt: [99999999] }, "99999999"],
    [{ prompt: [] }, "prompt"],
    [{ n: 100, num_beams: 2 }, "num"],
    [
      { n: 64, best_of: 64, prompt },
      "n: 64 answers to a prompt are 64 sequences; this server computes at most 32 at once",
    ],
    [{ n: 2, best_of: 64, prompt }, "best_of: 64 answers"],
    [{ n: 20, prompt: [prompt, prompt] }, "n: 20 answers to each of 2 prompts are 40 sequences"],
  ])("%j is refused by name", async (fields, expected) => {
    const { status, body } = await post(url, { model: "stories", prompt, max_tokens: 2, ...fields });
    expect(status, JSON.stringify(body)).toBe(400);
    checkSchema("ErrorResponse", body);
    expect(body.error.message).toContain(expected);
  });

  test("models that are not there, fail or generate nothing are errors of their own", async () => {
    const unknown = await post(url, { model: "storys", prompt });
    expect(unknown.status).toBe(404);
    expect(unknown.body.error.message).toMatch(/stories, sentiment, broken.*did you mean stories/);
    const broken = await post(url, { model: "broken", prompt });
    expect(broken.status).toBe(503);
    expect(JSON.stringify(broken.body)).not.toContain("nowhere");
    expect((await post(url, { model: "sentiment", prompt })).body.error.message).toContain("encoder");
    expect((await post(url, { model: "stories", prompt, ...greedy })).status).toBe(200);
    const list = await get(`${server.url}/v1/models`);
    checkSchema("ListModelsResponse", list.body);
    expect(list.body.data.map(({ id }: { id: string }) => id)).toEqual(["stories", "sentiment", "broken"]);
    expect((await client.models.retrieve("stories")).id).toBe("stories");
  });

  test("bodies that are no requests are refused", async () => {
    expect((await post(url, "{")).status).toBe(400);
    expect((await post(url, "[]")).status).toBe(400);
    expect((await post(url, `{"prompt":${"[".repeat(100_000)}`)).body.error.message).toContain("levels deep");
    expect((await post(url, "x".repeat(5 * 2 ** 20))).status).toBe(413);
    expect((await post(url, { model: "stories", prompt }, { "content-type": "text/plain" })).status).toBe(415);
    expect((await get(url)).status).toBe(405);
    expect((await get(`${server.url}/v2`)).status).toBe(404);
  });
});
