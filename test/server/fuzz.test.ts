import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Random } from "../../src/common/index.ts";
import { fixture } from "../helpers/fixtures.ts";
import { RandomRequests } from "./random-requests.ts";
import { chatModel, get, started } from "./server.ts";

/** npm run fuzz:server sets both; CI sends a few requests. */
const REQUESTS = Number(process.env.LECTERN_FUZZ_REQUESTS ?? 250);
const SEED = Number(process.env.LECTERN_FUZZ_SEED ?? 1);
/** Failures that have a reason of their own. */
const explained = /request was cancelled|cannot be loaded|being loaded|server stops/;
const root = fileURLToPath(new URL("../..", import.meta.url));

interface Operation {
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: object } } };
}

test(
  `${REQUESTS} random requests from the OpenAPI document: no failure without a reason, no path, no stack`,
  async () => {
    const models = [
      { name: "chat", location: chatModel },
      { name: "bert", location: fixture("models/bert") },
      { name: "translate", location: "translate" },
    ];
    const limits = { newTokens: 6, inputs: 20, seconds: 20 };
    await using server = await started({ models, limits });
    const { paths } = (await get(`${server.url}/openapi.json`)).body as {
      readonly paths: Readonly<Record<string, { readonly post?: Operation }>>;
    };
    const posts = Object.entries(paths).flatMap(([path, { post }]) => {
      const schema = post?.requestBody?.content["application/json"].schema;
      return schema && !path.endsWith("load") ? [{ path, schema: schema as Record<string, unknown> }] : [];
    });
    expect(posts.length).toBeGreaterThan(8);
    const random = new RandomRequests(new Random(SEED), ["chat", "chat", "chat", "bert", "translate", "none"]);
    const statuses = new Map<number, number>();
    const send = async (): Promise<void> => {
      const { path, schema } = random.pick(posts);
      const body = JSON.stringify(random.body(schema));
      const response = await fetch(`${server.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      const text = await response.text();
      const shown = `${path} ${body.slice(0, 1500)}\n${response.status} ${text.slice(0, 1000)}`;
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      if (response.status >= 500) expect(JSON.parse(text).error.message, shown).toMatch(explained);
      if (response.status >= 400) expect(JSON.parse(text).error.message.length, shown).toBeGreaterThan(0);
      expect(text.includes('"code":"internal"'), shown).toBe(false);
      expect(text.includes(root) || /\bat \S+ \(|node_modules|\.ts:\d+/.test(text), shown).toBe(false);
    };
    for (let at = 0; at < REQUESTS; at += 10) await Promise.all(Array.from({ length: 10 }, send));
    expect(statuses.get(200) ?? 0).toBeGreaterThan(REQUESTS / 50);
    expect((await get(`${server.url}/health`)).status).toBe(200);
    expect(server.logs.filter(({ event }) => event === "failure")).toEqual([]);
  },
  120_000 + 300 * REQUESTS,
);
