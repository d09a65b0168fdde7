import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { loadModel, type Model } from "../inference/index.ts";
import { serveStudio } from "./node.ts";

let model: Model;
let server: Awaited<ReturnType<typeof serveStudio>>;

beforeAll(async () => {
  model = await loadModel(fixture("models/gpt2"));
  server = await serveStudio({ models: new Map([["tiny", model]]) });
});
afterAll(async () => {
  await server?.close();
  await model?.dispose();
});

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A request with exactly these headers and this path, which fetch would tidy up. */
function ask(
  path: string,
  { method = "GET", headers = {}, body }: Asked = {},
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const json = { "content-type": "application/json" };
const call = (name: string, args: object, headers = {}): Promise<{ status: number; text: string }> =>
  ask("/call", { method: "POST", headers: { ...json, ...headers }, body: { model: "tiny", call: name, args } });

describe("the studio's server", () => {
  test("listens on loopback, lists its models, and answers a call as the library does", async () => {
    expect(new URL(server.url).hostname).toBe("127.0.0.1");
    expect(JSON.parse((await ask("/models.json")).text)).toEqual([{ name: "tiny" }]);
    const { status, text } = await call("trace", { ids: [5, 9, 3] });
    expect(status).toBe(200);
    const { result } = JSON.parse(text) as { result: { attentions: { data: { float32: string } }[] } };
    const bytes = Buffer.from(result.attentions[0]?.data.float32 as string, "base64");
    const { attentions = [] } = await model.forward({ inputIds: [[5, 9, 3]] }, { attentions: true });
    expect(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)).toEqual(attentions[0]?.data);
  });

  test.each([
    ["another name of this machine (DNS rebinding)", { host: "attacker.example:80" }],
    ["another port", { host: "127.0.0.1:1" }],
    ["a page of another origin", { origin: "https://attacker.example" }],
    ["a file's page", { origin: "null" }],
    ["a request that another site causes", { "sec-fetch-site": "cross-site" }],
    ["a page of another port of this machine", { "sec-fetch-site": "same-site" }],
  ])("refuses %s", async (_, headers) => {
    expect((await ask("/models.json", { headers })).status).toBe(403);
    expect((await call("describe", {}, headers)).status).toBe(403);
  });

  test("reads no file but those of its page", async () => {
    for (const path of [
      "/../package.json",
      "/..%2f..%2fpackage.json",
      "/server-node.js",
      "//etc/passwd",
      "/constructor",
    ])
      expect((await ask(path)).status).toBe(404);
    expect((await ask("/app.js", { method: "PUT" })).status).toBe(405);
  });

  test("refuses calls and options that could name a file, and says why", async () => {
    const refused = async (name: string, args: object): Promise<string> => {
      const { status, text } = await call(name, args);
      expect(status).toBe(400);
      return (JSON.parse(text) as { error: string }).error;
    };
    expect(await refused("dispose", {})).toContain("there is no call dispose");
    expect(await refused("generate", { ids: [1], options: { assistantModel: "/etc" } })).toContain("assistantModel");
    expect(await refused("generate", { ids: [1], options: { maxNewTokens: 9999 } })).toContain("at most 512");
    expect(await refused("trace", {})).toContain("needs text or ids");
    expect(await refused("trace", { ids: [1], path: "/etc/passwd" })).toContain("there is no argument path");
    const form = await ask("/call", { method: "POST", headers: { "content-type": "text/plain" }, body: {} });
    expect(form.status).toBe(400);
    const absent = await ask("/call", { method: "POST", headers: json, body: { model: "x", call: "describe" } });
    expect(absent.text).toContain("there is no model x");
  });
});
