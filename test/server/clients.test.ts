import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { HumanMessage } from "@langchain/core/messages";
import { tool as langchainTool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { generateText, type LanguageModel, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { fixture } from "../helpers/fixtures.ts";
import { chatModel, checkSchema, events, post, started } from "./server.ts";

const hello = "Hello! How can I help you?";
const question = "What is the weather in Paris?";
const answer = /^It is \d+ degrees in \w+\.$/;

let server: Awaited<ReturnType<typeof started>>;
let base: string;
beforeAll(async () => {
  server = await started({
    models: [
      { name: "chat", location: chatModel },
      { name: "bert", location: fixture("models/bert") },
    ],
  });
  base = `${server.url}/v1`;
});
afterAll(() => server.close());

describe("POST /v1/responses", () => {
  const tools = [
    {
      type: "function" as const,
      name: "get_weather",
      description: "The weather of a city",
      strict: false,
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  ];

  test("the openai client gets text, whole and streamed", async () => {
    const client = new OpenAI({ baseURL: base, apiKey: "none", maxRetries: 0 });
    const whole = await client.responses.create({
      model: "chat",
      input: "Hello",
      temperature: 0,
      instructions: "You are helpful.",
    });
    expect(whole.output_text).toBe(hello);
    const raw = await post(`${base}/responses`, { model: "chat", input: "Hello", temperature: 0 });
    checkSchema("Response", raw.body);
    const chunks = await events(`${base}/responses`, { model: "chat", input: "Hello", temperature: 0, stream: true });
    checkSchema("ResponseStreamEvent", ...chunks);
    expect(chunks.map(({ sequence_number }) => sequence_number)).toEqual([...chunks.keys()]);
    expect(chunks.map(({ type, delta }) => (type === "response.output_text.delta" ? delta : "")).join("")).toBe(hello);
    expect(chunks.at(-1).response).toMatchObject({
      status: "completed",
      output: raw.body.output.map(() => expect.objectContaining({ type: "message" })),
    });
  });

  test("the openai client runs a round of tools", async () => {
    const client = new OpenAI({ baseURL: base, apiKey: "none", maxRetries: 0 });
    const first = await client.responses.create({ model: "chat", input: question, tools, temperature: 0 });
    const call = first.output.find(({ type }) => type === "function_call") as OpenAI.Responses.ResponseFunctionToolCall;
    expect(call).toMatchObject({ name: "get_weather", arguments: '{"city":"Paris"}' });
    const second = await client.responses.create({
      model: "chat",
      input: [
        { role: "user", content: question },
        ...first.output,
        { type: "function_call_output", call_id: call.call_id, output: "20 degrees" },
      ] as OpenAI.Responses.ResponseInput,
      tools,
      temperature: 0,
    });
    expect(second.output_text).toMatch(answer);
    const chunks = await events(`${base}/responses`, {
      model: "chat",
      input: question,
      tools,
      temperature: 0,
      stream: true,
    });
    checkSchema("ResponseStreamEvent", ...chunks);
    const short = await post(`${base}/responses`, {
      model: "chat",
      input: "Hello",
      temperature: 0,
      max_output_tokens: 2,
    });
    checkSchema("Response", short.body);
    expect(short.body).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });

  test("an answer fits the schema of text.format", async () => {
    const schema = { type: "array", items: { type: "boolean" }, minItems: 2, maxItems: 2 };
    const format = { type: "json_schema", name: "pair", schema };
    const { body } = await post(`${base}/responses`, {
      model: "chat",
      input: "Hello",
      max_output_tokens: 40,
      text: { format },
    });
    expect(body).toMatchObject({ status: "completed", text: { format } });
    const pair = JSON.parse(body.output[0].content[0].text);
    expect(pair.map((value: unknown) => typeof value)).toEqual(["boolean", "boolean"]);
  });

  test.each([
    [{ previous_response_id: "resp_1" }, "previous_response_id"],
    [{ store: true }, "store"],
    [{ input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] }, "input_image"],
    [{ text: { format: { type: "json_schema", name: "x" } } }, "text.format"],
    [{ text: { format: { type: "xml" } } }, "text.format"],
    [{ tools: [{ type: "web_search" }] }, "tools"],
  ])("%j is refused by name", async (fields, expected) => {
    const { status, body } = await post(`${base}/responses`, { model: "chat", input: "Hello", ...fields });
    expect(status).toBe(400);
    expect(body.error.message).toContain(expected);
  });
});

describe("POST /v1/messages", () => {
  const tools: Anthropic.Tool[] = [
    {
      name: "get_weather",
      description: "The weather of a city",
      input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  ];
  const client = (): Anthropic => new Anthropic({ baseURL: server.url, apiKey: "none", maxRetries: 0 });
  const common = { model: "chat", max_tokens: 100, temperature: 0 };

  test("the Anthropic client gets text, whole and streamed, and counts tokens", async () => {
    const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Hello" }];
    const whole = await client().messages.create({ ...common, messages, system: "You are helpful." });
    expect(whole).toMatchObject({
      type: "message",
      role: "assistant",
      stop_reason: "end_turn",
      content: [{ type: "text", text: hello }],
    });
    const { input_tokens: total } = await client().messages.countTokens({
      model: "chat",
      messages,
      system: "You are helpful.",
    });
    expect(whole.usage.input_tokens + (whole.usage.cache_read_input_tokens ?? 0)).toBe(total);
    const stream = client().messages.stream({ ...common, messages });
    let text = "";
    stream.on("text", (delta) => {
      text += delta;
    });
    expect((await stream.finalMessage()).stop_reason).toBe("end_turn");
    expect(text).toBe(hello);
    const stopped = await client().messages.create({ ...common, messages, stop_sequences: [" can"] });
    expect(stopped).toMatchObject({
      stop_reason: "stop_sequence",
      stop_sequence: " can",
      content: [{ text: "Hello! How" }],
    });
  });

  test("the Anthropic client runs a round of tools, streamed", async () => {
    const messages: Anthropic.MessageParam[] = [{ role: "user", content: question }];
    const first = await client()
      .messages.stream({ ...common, messages, tools })
      .finalMessage();
    expect(first.stop_reason).toBe("tool_use");
    const [call] = first.content;
    expect(call).toMatchObject({ type: "tool_use", name: "get_weather", input: { city: "Paris" } });
    const result: Anthropic.ToolResultBlockParam = {
      type: "tool_result",
      tool_use_id: (call as Anthropic.ToolUseBlock).id,
      content: "20 degrees",
    };
    const second = await client().messages.create({
      ...common,
      tools,
      messages: [...messages, { role: "assistant", content: first.content }, { role: "user", content: [result] }],
    });
    expect(second.content).toMatchObject([{ type: "text", text: expect.stringMatching(answer) }]);
  });

  test("errors have Anthropic's form", async () => {
    const image = { type: "image", source: { type: "url", url: "x" } };
    const { status, body } = await post(`${base}/messages`, {
      ...common,
      messages: [{ role: "user", content: [image] }],
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", message: expect.stringContaining("image") },
    });
    await expect(
      client().messages.create({ ...common, model: "gone", messages: [{ role: "user", content: "Hello" }] }),
    ).rejects.toThrow(Anthropic.NotFoundError);
  });
});

describe("other clients", () => {
  const weather = tool({
    description: "The weather of a city",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `20 degrees in ${city}`.slice(0, 10),
  });

  test.each<[string, () => LanguageModel]>([
    [
      "@ai-sdk/openai-compatible",
      () => createOpenAICompatible({ name: "lectern", baseURL: base, includeUsage: true })("chat"),
    ],
    ["@ai-sdk/openai's responses", () => createOpenAI({ baseURL: base, apiKey: "none" })("chat")],
  ])("ai with %s", async (_, model) => {
    const { text } = await generateText({ model: model(), prompt: "Hello", temperature: 0 });
    expect(text).toBe(hello);
    const streamed = streamText({ model: model(), prompt: "Hello", temperature: 0 });
    expect(await streamed.text).toBe(hello);
    expect((await streamed.usage).outputTokens).toBeGreaterThan(5);
    const round = await generateText({
      model: model(),
      prompt: question,
      tools: { get_weather: weather },
      stopWhen: stepCountIs(3),
      temperature: 0,
    });
    expect(round.steps[0]?.toolCalls).toMatchObject([{ toolName: "get_weather", input: { city: "Paris" } }]);
    expect(round.text).toMatch(answer);
  });

  test("@langchain/openai", async () => {
    const model = new ChatOpenAI({
      model: "chat",
      temperature: 0,
      apiKey: "none",
      configuration: { baseURL: base },
      maxRetries: 0,
    });
    expect((await model.invoke("Hello")).content).toBe(hello);
    let text = "";
    for await (const chunk of await model.stream("Hello")) text += String(chunk.content);
    expect(text).toBe(hello);
    const getWeather = langchainTool(() => "20 degrees", {
      name: "get_weather",
      description: "The weather of a city",
      schema: z.object({ city: z.string() }),
    });
    const called = await model.bindTools([getWeather]).invoke([new HumanMessage(question)]);
    expect(called.tool_calls).toMatchObject([{ name: "get_weather", args: { city: "Paris" } }]);
    const embeddings = new OpenAIEmbeddings({
      model: "bert",
      apiKey: "none",
      configuration: { baseURL: base },
      maxRetries: 0,
    });
    expect(await embeddings.embedQuery("hello")).toHaveLength(32);
  });
});
