import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel } from "../../src/model/index.ts";
import { fixture } from "../helpers/fixtures.ts";

const CHROMIUM = "/usr/bin/chromium";
const available = existsSync(CHROMIUM);
if (!available && process.env.LECTERN_REQUIRE_BROWSER)
  throw new Error(`${CHROMIUM} is missing, and LECTERN_REQUIRE_BROWSER asks for it`);

const root = fileURLToPath(new URL("../../", import.meta.url));
const types: Record<string, string> = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };

/** A plain static server: dist/web, models and fixtures; no headers but the type, and isolation if asked for. */
function serve(isolated: boolean): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (path === "/")
      return response.setHeader("content-type", "text/html").end("<!doctype html><title>Lectern</title>");
    if (isolated) {
      response.setHeader("cross-origin-opener-policy", "same-origin");
      response.setHeader("cross-origin-embedder-policy", "require-corp");
    }
    response.setHeader("content-type", types[extname(path)] ?? "application/octet-stream");
    await readFile(join(root, path)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

const models = ["models/stories", "test/parity/fixtures/models/gpt2", "test/parity/fixtures/models/llama_gqa"];

describe.skipIf(!available)("in Debian's chromium (skipped where /usr/bin/chromium is absent)", () => {
  let browser: Awaited<ReturnType<typeof chromium.launch>>;
  let server: Server;

  beforeAll(async () => {
    server = await serve(false);
    const args = [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test.each(models)("%s generates the same greedy tokens as in Node", async (model) => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const inPage = await page.evaluate(`(async () => {
      const { loadModel } = await import("/dist/web/lectern.js");
      const model = await loadModel("/${model}");
      const options = { doSample: false, maxNewTokens: 24, eosTokenId: null };
      return (await model.generate({ inputIds: [[5, 9, 3]] }, options)).outputIds;
    })()`);
    await page.close();
    await using inNode = await loadModel(
      model.startsWith("test") ? fixture(model.replace("test/parity/fixtures/", "")) : join(root, model),
    );
    const { outputIds } = await inNode.generate(
      { inputIds: [[5, 9, 3]] },
      { doSample: false, maxNewTokens: 24, eosTokenId: null },
    );
    expect(inPage).toEqual(outputIds);
  });
});
