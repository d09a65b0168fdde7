import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { packageRoot } from "../../src/common/node.ts";
import { deploy } from "../../src/deploy/index.ts";
import { loadModel } from "../../src/inference/index.ts";
import { hasChromium, launchChromium, serve } from "../helpers/chromium.ts";
import { exported, openStudio, settled } from "./studio-page.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describe.skipIf(!hasChromium)("a deployed page (skipped where /usr/bin/chromium is absent)", () => {
  const out = mkdtempSync(join(tmpdir(), "lectern-page-"));
  let browser: Browser;
  let server: Server;

  beforeAll(async () => {
    const location = join(packageRoot(), "models/stories");
    await deploy({ target: "static", out, name: "tales", location, precision: "int8" });
    server = await serve({ folder: out });
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(out, { recursive: true });
  });

  test("runs its model in the precision that was chosen, with the tokens of the library", async () => {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const text = "The little fox saw the";
    const page = await openStudio(browser, address, { view: "picture", text, options: "maxNewTokens:6,draws:0" });
    await settled(page);
    const { model, generation } = await exported<{ model: string; generation: { steps: { id: number }[] } }>(page);
    expect(model).toBe("tales");
    await using own = await loadModel(join(out, "models/tales"));
    expect(own.precision).toBe("int8");
    const { outputIds } = await own.generate({ prompt: text }, { maxNewTokens: 6, doSample: false });
    expect(generation.steps.map(({ id }) => id)).toEqual(outputIds);
  });
});
