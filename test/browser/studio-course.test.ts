import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { pages } from "../../scripts/course.mjs";
import { logitLens } from "../../src/explain/index.ts";
import { loadModel } from "../../src/inference/index.ts";
import { type StudioRun, serveStudio } from "../../src/studio/node.ts";
import { writeSite } from "../../web/site.mjs";
import { hasChromium, launchChromium, serve } from "../helpers/chromium.ts";
import { fixture } from "../helpers/fixtures.ts";
import { exported, openStudio, settled } from "./studio-page.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const DIGITS = 3;
const folder = mkdtempSync(join(tmpdir(), "lectern-studio-"));

describe.skipIf(!hasChromium)("the studio (skipped where /usr/bin/chromium is absent)", () => {
  let browser: Browser;
  let server: Server;
  let address: string;

  beforeAll(async () => {
    writeSite(folder);
    server = await serve({ folder });
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true });
  });

  test("the links of the course open their views, and stay as they are", async () => {
    const course = readFileSync(pages[0] as string, "utf8");
    const links = [...course.matchAll(/\(http:\/\/127\.0\.0\.1:4040\/#([^)]+)\)/g)].map(([, link]) => link as string);
    const page = await openStudio(browser, address, {});
    for (const link of links) {
      await page.goto(`${address}#${link}&lang=en`);
      await settled(page);
      expect(await page.locator(".problem").allTextContents(), link).toEqual([]);
      const shown = new URLSearchParams(new URL(page.url()).hash.slice(1));
      for (const [name, value] of new URLSearchParams(link)) expect(shown.get(name), `${link}: ${name}`).toBe(value);
    }
    await page.context().close();
  });

  test("two layers are those of the logit lens, and a link restores the comparison", async () => {
    const fields = { view: "compare", kind: "layers", layer: "2", layer2: "5", text: "The old king" };
    const page = await openStudio(browser, address, fields);
    await settled(page);
    const { left, right } = await exported<Record<"left" | "right", { top: { probability: number }[] }>>(page);
    await using stories = await loadModel("stories");
    const layers = await logitLens(stories, fields.text, { top: 8 });
    for (const [side, at] of [
      [left, 2],
      [right, 5],
    ] as const)
      for (const [i, { probability }] of side.top.entries())
        expect(probability).toBeCloseTo(layers[at]?.top[i]?.probability as number, DIGITS);
    for (const [name, value] of Object.entries(fields))
      expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get(name)).toBe(value);
    await page.context().close();
  });

  test("one model in two precisions, and an encoder as the second model is told to be unfit", async () => {
    const fields = { view: "compare", kind: "models", other: "stories (int4)", text: "The old king" };
    const page = await openStudio(browser, address, fields);
    await settled(page);
    const { left, right } = await exported<Record<"left" | "right", { top: { probability: number }[] }>>(page);
    const gap = Math.abs((left.top[0]?.probability ?? 0) - (right.top[0]?.probability ?? 1));
    expect(gap).toBeGreaterThan(0);
    expect(gap).toBeLessThan(0.1);
    await page.getByRole("combobox", { name: "Model: right" }).selectOption("sentiment");
    await page.locator(".unfit").waitFor();
    await page.context().close();
  });

  test("lesson 7 asks the model of the size that is chosen, and a link restores the choice", async () => {
    const page = await openStudio(browser, address, { view: "window" });
    await page.getByRole("button", { name: "icl-medium" }).click();
    await settled(page);
    const { model, prompts, scores } = await exported<{ model: string; prompts: string[]; scores: number[] }>(page);
    expect(model).toBe("icl-medium");
    await using medium = await loadModel("icl-medium");
    const own = await medium.logLikelihood(prompts.map((context) => ({ context, continuation: "W\n" })));
    for (const [i, { logLikelihood }] of own.entries()) expect(scores[i]).toBeCloseTo(Math.exp(logLikelihood), DIGITS);
    expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get("other")).toBe("icl-medium");
    expect(await page.locator(".accuracy-station polyline").count()).toBe(3);
    await page.context().close();
  });

  test("a run is followed while it goes on, and both models answer afterwards", async () => {
    const classes = [
      ["positive", 0.9],
      ["negative", 0.1],
    ] as const;
    let run: StudioRun = {
      ...{ command: "lectern finetune", finished: false, adapter: true, train: [[1, 0.7]], heldOut: [], models: null },
      ...{ confusion: null, samples: [{ text: "a joy", before: classes, after: null, during: [] }] },
    };
    await using before = await loadModel("sentiment");
    const models = new Map([["before", before]]);
    const studio = await serveStudio({ models, run: () => run });
    const page = await openStudio(browser, studio.url, { view: "finetuning", text: "a joy to watch" });
    await page.getByText("The run goes on").waitFor();
    expect(await page.locator(".samples-station").textContent()).toContain("adapter off");
    const during = [
      { step: 1, answer: classes },
      { step: 2, answer: " of a film" },
    ];
    run = { ...run, samples: [{ text: "a joy", before: classes, after: null, during }] };
    await page.locator(".during tbody tr").nth(1).waitFor();
    expect(await page.locator(".during tbody tr").allTextContents()).toEqual([
      "1positive 90 % · negative 10 %",
      "2·of a film",
    ]);
    models.set("after", before);
    run = {
      ...run,
      finished: true,
      train: [
        [1, 0.7],
        [2, 0.3],
      ],
      models: { before: "before", after: "after" },
    };
    run = {
      ...run,
      confusion: {
        labels: ["negative", "positive"],
        counts: [
          [3, 1],
          [0, 4],
        ],
      },
    };
    await page.locator(".own-station .bars").nth(1).waitFor();
    expect(await page.locator(".own-station").textContent()).toContain("98 %");
    expect(await page.locator(".confusion-station td").allTextContents()).toEqual(["", "3", "1", "0", "4"]);
    await page.context().close();
    await studio.close();
  });

  test("an encoder with a masked-word head fills the masks of lesson 4", async () => {
    await using bert = await loadModel(fixture("models/bert"));
    const studio = await serveStudio({ models: new Map([["bert", bert]]) });
    const page = await openStudio(browser, studio.url, { view: "shapes", text2: "the [MASK] saw" });
    await page.locator(".filled .bars tr").first().waitFor();
    expect(await page.locator(".filled .bars tr").count()).toBe(6);
    await page.context().close();
    await studio.close();
  });

  test("a model without tokenizer is told to be unfit in every view that reads a text", async () => {
    const bare = mkdtempSync(join(tmpdir(), "lectern-bare-"));
    for (const name of ["config.json", "generation_config.json", "model.safetensors"])
      cpSync(join(fixture("models/gpt2"), name), join(bare, name));
    await using model = await loadModel(bare);
    const studio = await serveStudio({ models: new Map([["bare", model]]) });
    const page = await openStudio(browser, studio.url, { text: "The fox" });
    for (const name of ["The whole picture", "Generation options", "Attention heads", "Compare"]) {
      await page.getByRole("link", { name }).click();
      expect(await page.locator(".unfit").textContent()).toContain("no tokenizer");
      expect(await page.locator(".problem").count()).toBe(0);
    }
    await page.context().close();
    await studio.close();
    rmSync(bare, { recursive: true });
  });

  test("a worker that ended is told, the text stays, and the model starts again", async () => {
    const context = await browser.newContext({ locale: "en" });
    const page = await context.newPage();
    const facts = { kind: "decoder", family: "LLaMA", layers: 1, heads: 1, parameterCount: 1e6, contextWindow: 9 };
    const stub = `
      export const loadModel = async () => ({});
      export const studioCall = async (_, name) => {
        if (name !== "describe") throw new Error("the worker was terminated: out of memory");
        return ${JSON.stringify({ ...facts, generates: true, hasTokenizer: true, classes: null, startToken: null })};
      };`;
    await page.route("**/lectern.js", (route) => route.fulfill({ contentType: "text/javascript", body: stub }));
    await page.goto(`${address}#view=options&lang=en&text=The+fox`);
    await page.locator(".problem").waitFor();
    expect(await page.locator(".problem").textContent()).toContain("ended the model");
    expect(await page.locator("textarea").inputValue()).toBe("The fox");
    await page.getByRole("button", { name: "Start the model again" }).click();
    await page.locator(".problem").waitFor(); // the stub ends again
    await context.close();
  });

  test("two tabs of one browser keep their own state", async () => {
    const page = await openStudio(browser, address, { view: "picture", text: "The fox" });
    await settled(page);
    const second: Page = await page.context().newPage();
    await second.goto(`${address}#view=options&lang=en&text=The+wolf`);
    await settled(second);
    expect(await page.locator("textarea").inputValue()).toBe("The fox");
    expect(await second.locator("textarea").inputValue()).toBe("The wolf");
    await page.context().close();
  });
});

test("the curves of lesson 7 are those of docs/in-context-learning.md", () => {
  const docs = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
  const { shots, models } = JSON.parse(docs("in-context-learning/icl.json")) as Curves;
  const page = docs("in-context-learning.md");
  expect(page).toMatch(new RegExp(`\\| model +${shots.map((count) => `\\| ${count} shots? +`).join("")}\\|`));
  for (const { name, right } of models) {
    const row = new RegExp(`^\\| ${name} .*$`, "m").exec(page)?.[0] ?? "";
    const shares = [...row.matchAll(/([\d.]+) % \(/g)].map(([, share]) => Number(share));
    expect(shares).toEqual(right.map((share) => Number((100 * share).toFixed(1))));
  }
});

interface Curves {
  readonly shots: readonly number[];
  readonly models: readonly { readonly name: string; readonly right: readonly number[] }[];
}
