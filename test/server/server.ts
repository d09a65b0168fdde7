import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Ajv2020 from "ajv/dist/2020.js";
import { expect } from "vitest";
import { type LogEntry, type ServeOptions, type Server, serve } from "../../src/server/index.ts";

/** A path of a model beside this file or of one that is bundled. */
export const chatModel = fileURLToPath(new URL("chat-model", import.meta.url));

/** A server on a free port, with what it logs. */
export async function started(
  options: Partial<ServeOptions> & Pick<ServeOptions, "models">,
): Promise<Server & { readonly logs: LogEntry[]; [Symbol.asyncDispose](): Promise<void> }> {
  const logs: LogEntry[] = [];
  const server = await serve({ port: 0, onLog: (entry) => logs.push(entry), drainSeconds: 5, ...options });
  return { ...server, logs, [Symbol.asyncDispose]: () => server.close() };
}

/** A response with its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a response of any route
  readonly body: any;
}

export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return read(response);
}

export async function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return read(await fetch(url, { headers }));
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json");
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** The events of a stream of POST, each as its data. */
// biome-ignore lint/suspicious/noExplicitAny: events of any route
export async function events(url: string, body: unknown): Promise<any[]> {
  const { status, body: text } = await post(url, body);
  expect(status, text).toBe(200);
  const data = String(text)
    .split("\n\n")
    .flatMap((event) => event.split("\n").filter((line) => line.startsWith("data: ")))
    .map((line) => line.slice("data: ".length));
  return data.filter((line) => line !== "[DONE]").map((line) => JSON.parse(line));
}

type Tree = { [key: string]: unknown };

const ajv = new Ajv2020.default({ strict: false, validateFormats: false, allErrors: true });
const openAi = JSON.parse(readFileSync(new URL("openai-schemas.json", import.meta.url), "utf8")) as object;
/** Where OpenAI's service answers null and its document does not say so. */
const nullable = {
  "/components/schemas/CreateCompletionResponse/properties/choices/items/properties/finish_reason":
    "chunks before the last",
  "/components/schemas/CreateCompletionResponse/properties/choices/items/properties/logprobs/anyOf/0/properties/token_logprobs/items":
    "the first token of an echoed prompt",
  "/components/schemas/CreateCompletionResponse/properties/choices/items/properties/logprobs/anyOf/0/properties/top_logprobs/items":
    "the first token of an echoed prompt",
};
for (const path of Object.keys(nullable)) {
  const names = path.split("/").slice(1);
  const last = names.pop() as string;
  const parent = names.reduce((at, name) => at[name] as Tree, openAi as Tree);
  parent[last] = { anyOf: [parent[last], { type: "null" }] };
}
ajv.addSchema(openAi, "openai");

/** Checks values against a schema of OpenAI's own document. */
export function checkSchema(name: string, ...values: unknown[]): void {
  const validate = ajv.compile({ $ref: `openai#/components/schemas/${name}` });
  for (const value of values) {
    const fits = validate(value);
    expect(fits ? [] : validate.errors?.slice(0, 3), JSON.stringify(value).slice(0, 600)).toEqual([]);
  }
}
