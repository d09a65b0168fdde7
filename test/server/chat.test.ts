import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel, type Model } from "../../src/inference/index.ts";
import { chatModel, checkSchema, events, post, started } from "./server.ts";

const tools: OpenAI.ChatCompletionFunctionTool[] = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "The weather of a city",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];
const ask = (content: string): OpenAI.ChatCompletionMessageParam[] => [{ role: "user", content }];

let server: Awaited<ReturnType<typeof started>>;
let url: string;
let client: OpenAI;
beforeAll(async () => {
  server = await started({ models: [{ name: "chat", location: chatModel }, "stories", "translate"] });
  url = `${server.url}/v1/chat/completions`;
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
});
afterAll(() => server.close());

describe("POST /v1/chat/completions", () => {
  test("answers a conversation, whole and streamed, with log-probabilities", async () => {
    const request = { model: "chat", messages: ask("Hello"), temperature: 0, logprobs: true, top_logprobs: 2 };
    const { body } = await post(url, request);
    checkSchema("CreateChatCompletionResponse", body);
    const [choice] = body.choices;
    expect(choice).toMatchObject({ message: { content: "Hello! How can I help you?" }, finish_reason: "stop" });
    const { content } = choice.logprobs;
    expect(content.map(({ token }: { token: string }) => token).join("")).toBe("Hello! How can I help you?<|im_end|>");
    expect(content[0].top_logprobs).toHaveLength(2);
    expect(content[0].logprob).toBe(content[0].top_logprobs[0].logprob);
    const chunks = await events(url, { ...request, stream: true, stream_options: { include_usage: true } });
    checkSchema("CreateChatCompletionStreamResponse", ...chunks);
    const text = chunks.map(({ choices: [one] }) => one?.delta.content ?? "").join("");
    expect(text).toBe("Hello! How can I help you?");
    const streamed = chunks.flatMap(({ choices: [one] }) => one?.logprobs?.content ?? []);
    expect(streamed.map(({ token }) => token)).toEqual(content.map(({ token }: { token: string }) => token));
    for (const [i, { logprob }] of streamed.entries()) expect(logprob).toBeCloseTo(content[i].logprob, 3); // the prompt is cached
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { ...body.usage, prompt_tokens_details: expect.anything() },
    });
  });

  test("answers fit the JSON Schema of response_format, whole and streamed", async () => {
    const schema = {
      type: "object",
      properties: { city: { enum: ["Paris", "Oslo"] }, degrees: { type: "integer", minimum: -9, maximum: 40 } },
      required: ["city", "degrees"],
      additionalProperties: false,
    };
    const request = {
      model: "chat",
      messages: ask("What is the weather in Paris?"),
      max_completion_tokens: 60,
      seed: 3,
      response_format: { type: "json_schema" as const, json_schema: { name: "weather", schema, strict: true } },
    };
    const { choices } = await client.chat.completions.create({ ...request, n: 3 });
    expect(choices).toHaveLength(3);
    for (const { message, finish_reason } of choices) {
      expect(finish_reason).toBe("stop");
      const { city, degrees, ...others } = JSON.parse(message.content ?? "");
      expect([["Paris", "Oslo"].includes(city), Number.isInteger(degrees), others]).toEqual([true, true, {}]);
    }
    let text = "";
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true }))
      text += chunk.choices[0]?.delta.content ?? "";
    expect(Object.keys(JSON.parse(text))).toEqual(["city", "degrees"]);
  });

  test("counts the prompt tokens that an earlier request computed", async () => {
    const messages = ask("What is the weather in Paris?");
    await post(url, { model: "chat", messages, tools, temperature: 0 });
    const { body } = await post(url, { model: "chat", messages, tools, temperature: 0 });
    const { prompt_tokens, prompt_tokens_details } = body.usage;
    expect(prompt_tokens_details.cached_tokens).toBeGreaterThan(32);
    expect(prompt_tokens_details.cached_tokens).toBeLessThan(prompt_tokens);
  });

  test("the openai client runs a round of tools", async () => {
    const messages = ask("What is the weather in Paris?");
    const first = await client.chat.completions.create({ model: "chat", messages, tools, temperature: 0 });
    checkSchema("CreateChatCompletionResponse", first);
    const [choice] = first.choices;
    expect(choice?.finish_reason).toBe("tool_calls");
    expect(choice?.message.content).toBeNull();
    const [call] = choice?.message.tool_calls ?? [];
    expect(call).toMatchObject({ type: "function", function: { name: "get_weather", arguments: '{"city":"Paris"}' } });
    const answered = await client.chat.completions.create({
      model: "chat",
      messages: [
        ...messages,
        choice?.message as OpenAI.ChatCompletionMessage,
        { role: "tool", tool_call_id: call?.id ?? "", content: "20 degrees" },
      ],
      tools,
      temperature: 0,
    });
    expect(answered.choices[0]?.message.content).toMatch(/^It is \d+ degrees in \w+\.$/);
    expect(answered.choices[0]?.finish_reason).toBe("stop");
  });

  test("several calls are streamed, each with its index", async () => {
    const stream = client.chat.completions.stream({
      model: "chat",
      messages: ask("Compare the weather in Rome and Oslo."),
      tools,
      temperature: 0,
    });
    const chunks: unknown[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    checkSchema("CreateChatCompletionStreamResponse", ...chunks);
    const { choices } = await stream.finalChatCompletion();
    const calls = choices[0]?.message.tool_calls ?? [];
    expect(calls).toHaveLength(2);
    for (const call of calls) expect(call).toMatchObject({ function: { name: "get_weather" } });
    expect(new Set(calls.map((call) => call.id)).size).toBe(2);
  });

  test("without tools, or with tool_choice none, nothing is called", async () => {
    for (const more of [{}, { tools, tool_choice: "none" }]) {
      const { body } = await post(url, {
        model: "chat",
        messages: ask("What is the weather in Paris?"),
        temperature: 0,
        ...more,
      });
      expect(body.choices[0].message).toEqual({ role: "assistant", content: "I cannot look that up.", refusal: null });
    }
  });

  test("a call that is demanded is made, with arguments that fit", async () => {
    const parameters = {
      type: "object",
      properties: { unit: { enum: ["C", "F"] }, days: { $ref: "#/$defs/days" } },
      required: ["unit", "days"],
      additionalProperties: false,
      $defs: { days: { type: "integer", minimum: 1, maximum: 7 } },
    };
    const forecast = { type: "function" as const, function: { name: "forecast", parameters, strict: true } };
    const named = { type: "function" as const, function: { name: "forecast" } };
    for (const [choice, names] of [
      [named, /^forecast$/],
      ["required" as const, /^(forecast|get_weather)$/],
    ] as const) {
      const body = {
        messages: ask("Hello"),
        tools: [...tools, forecast],
        tool_choice: choice,
        parallel_tool_calls: false,
      };
      const request = { model: "chat", ...body, n: 3, seed: 4, max_tokens: 200 };
      const whole = await client.chat.completions.create(request);
      checkSchema("CreateChatCompletionResponse", whole);
      for (const { message, finish_reason: finish } of whole.choices) {
        if (finish === "length") continue; // a text of any length is a city
        const [call] = message.tool_calls ?? [];
        expect([finish, message.content, message.tool_calls?.length]).toEqual(["tool_calls", null, 1]);
        if (call?.type !== "function") throw new Error("no call of a function");
        expect(call.function.name).toMatch(names);
        const args = JSON.parse(call.function.arguments);
        if (call.function.name === "forecast") {
          expect(Object.keys(args)).toEqual(["unit", "days"]);
          expect(["C", "F"]).toContain(args.unit);
          expect([1, 2, 3, 4, 5, 6, 7]).toContain(args.days);
        } else expect(typeof args.city).toBe("string");
      }
      const final = await client.chat.completions.stream(request).finalChatCompletion();
      expect(final.choices.map(({ message }) => message.tool_calls?.map((call) => call.function))).toMatchObject(
        whole.choices.map(({ message }) => message.tool_calls?.map((call) => "function" in call && call.function)),
      );
    }
  });

  test("an encoder–decoder translates with beams, and streams greedily", async () => {
    const messages = ask("Das ist ein Haus.");
    const model = await loadModel("models/translate");
    const own = await model.generate({ prompt: "Das ist ein Haus." }, { maxNewTokens: 40 });
    const streamed = await model.generate({ prompt: "Das ist ein Haus." }, { maxNewTokens: 40, numBeams: 1 });
    await model.dispose();
    const { body } = await post(url, { model: "translate", messages, max_tokens: 40 });
    checkSchema("CreateChatCompletionResponse", body);
    expect(body.choices[0].message.content).toBe(own.text);
    const chunks = await events(url, { model: "translate", messages, max_tokens: 40, stream: true });
    expect(chunks.map(({ choices: [one] }) => one?.delta.content ?? "").join("")).toBe(streamed.text);
    const completed = await post(`${server.url}/v1/completions`, {
      model: "translate",
      prompt: "Das ist ein Haus.",
      max_tokens: 40,
    });
    expect(completed.body.choices[0].text).toBe(own.text);
  });

  test.each([
    [{ response_format: { type: "json_object" }, tools }, "response_format"],
    [{ response_format: { type: "json_schema", json_schema: { name: "a" } } }, "response_format"],
    [
      {
        response_format: {
          type: "json_schema",
          json_schema: { name: "a", schema: { type: "string", pattern: "(?=a)a" } },
        },
      },
      "/pattern",
    ],
    [
      {
        response_format: {
          type: "json_schema",
          json_schema: { name: "a", schema: { properties: { b: { $ref: "https://example.com/c.json" } } } },
        },
      },
      "/properties/b/$ref: https://example.com/c.json lies outside",
    ],
    [{ tool_choice: "required" }, "tool_choice: there are no tools to call"],
    [
      { tool_choice: { type: "function", function: { name: "b" } }, tools },
      "there is no tool b; there are get_weather",
    ],
    [{ parallel_tool_calls: false, tools }, "parallel_tool_calls"],
    [{ tools: [{ type: "function", function: { name: "a", strict: true } }] }, "strict"],
    [{ functions: [] }, "functions"],
    [{ modalities: ["audio"] }, "modalities"],
    [{ store: true }, "store"],
    [{ top_logprobs: 2 }, "top_logprobs"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] }, "image_url"],
    [{ messages: [{ role: "user", content: [{ type: "input_audio", input_audio: {} }] }] }, "input_audio"],
    [{ messages: [{ role: "king", content: "x" }] }, "messages.0"],
    [
      {
        messages: [
          { role: "assistant", tool_calls: [{ id: "1", type: "function", function: { name: "a", arguments: "{" } }] },
        ],
      },
      "arguments",
    ],
    [{ model: "stories" }, "chat template"],
    [{ model: "translate", messages: [...ask("a"), ...ask("b")] }, "one user message"],
    [{ max_tokens: 5000 }, "limit of 4096"],
    [{ max_tokens: 2000 }, "context window 1024"],
  ])("%j is refused by name", async (fields, expected) => {
    const { status, body } = await post(url, { model: "chat", messages: ask("Hello"), ...fields });
    expect(status, JSON.stringify(body)).toBe(400);
    checkSchema("ErrorResponse", body);
    expect(body.error.message).toContain(expected);
  });
});

describe("calls of tools in the library", () => {
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(chatModel);
  });
  afterAll(() => model.dispose());

  test("are read from the answer to a conversation with tools", async () => {
    const messages = [{ role: "user", content: "What is the weather in Oslo?" }];
    const result = await model.generate({ messages, chat: { tools } }, { doSample: false });
    expect(result.toolCalls).toEqual([{ name: "get_weather", arguments: { city: "Oslo" } }]);
    expect(result.text).toBe("");
    const plain = await model.generate({ messages }, { doSample: false });
    expect(plain.toolCalls).toBeUndefined();
  });
});
