import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { hasChromium, launchChromium, serve } from "../helpers/chromium.ts";

/** Shaders are compiled for the processor, which takes long on a busy machine. */
vi.setConfig({ testTimeout: 600_000 });

const models = ["stories", "stories-gru", "translate"];
const options = { doSample: false, numBeams: 1, maxNewTokens: 12, eosTokenId: null };

describe.skipIf(!hasChromium)("WebGPU in Debian's chromium (skipped where /usr/bin/chromium is absent)", () => {
  let server: Server;

  beforeAll(async () => {
    server = await serve();
  });

  afterAll(() => server.close());

  async function inPage<T>(browser: Browser, script: string): Promise<{ result: T; asked: string[] }> {
    const page = await browser.newPage();
    const asked: string[] = [];
    page.context().on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const result = await page.evaluate(`(async () => {
      const { loadModel } = await import("/dist/web/lectern.js");
      ${script}
    })()`);
    await page.close();
    return { result: result as T, asked };
  }

  test.each(models)("%s generates the same greedy tokens as on the CPU", async (model) => {
    const browser = await launchChromium({ hasWebGpu: true });
    const { result } = await inPage<[number[][], number[][]]>(
      browser,
      `const results = [];
       for (const device of ["cpu", "webgpu"]) {
         const model = await loadModel("/models/${model}", { device });
         if (model.device !== device) throw new Error(model.device);
         const { sequences } = await model.generate({ inputIds: [[5, 9, 3], [7, 4]] }, ${JSON.stringify(options)});
         results.push(sequences.map(({ outputIds }) => outputIds));
         await model.dispose();
       }
       return results;`,
    );
    await browser.close();
    expect(result[1]).toEqual(result[0]);
    expect(result[0]).toHaveLength(2);
  });

  test("a page that has no GPU is refused, and without the device its engine is not fetched", async () => {
    const browser = await launchChromium();
    const { result, asked } = await inPage<string>(
      browser,
      `await (await loadModel("/models/stories")).dispose();
       return loadModel("/models/stories", { device: "webgpu" }).catch(({ code, message }) => code + ": " + message);`,
    );
    await browser.close();
    expect(result).toMatch(/^unsupported: device webgpu: .*; use device cpu$/);
    expect(asked.filter((path) => /webgpu|asyncify/.test(path))).toEqual([]);
  });
});
