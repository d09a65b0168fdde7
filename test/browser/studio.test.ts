import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ablateHeads, headMeasures, logitLens, tokenInfluence, wordContexts } from "../../src/explain/index.ts";
import type { TokenEvent } from "../../src/generation/index.ts";
import { loadModel, type Model } from "../../src/inference/index.ts";
import { serveStudio } from "../../src/studio/node.ts";
import { writeSite } from "../../web/site.mjs";
import { hasChromium, launchChromium, serve } from "../helpers/chromium.ts";
import { exported, follow, openStudio, settled } from "./studio-page.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

/** The digits in which values of the page equal those of Node, whose engine adds in another order. */
const DIGITS = 3;

const folder = mkdtempSync(join(tmpdir(), "lectern-studio-"));
const models = new Map<string, Model>();

async function named(name: string): Promise<Model> {
  const model = models.get(name) ?? (await loadModel(name));
  models.set(name, model);
  return model;
}

describe.skipIf(!hasChromium)("the studio from a static server (skipped where /usr/bin/chromium is absent)", () => {
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
    for (const model of models.values()) await model.dispose();
    rmSync(folder, { recursive: true });
  });

  /** One page for most tests: a link resets it, and its engine and models stay. */
  let shared: Page | undefined;

  async function open(fields: Record<string, string>): Promise<Page> {
    if (shared) await follow(shared, address, fields);
    else shared = await openStudio(browser, address, fields);
    await settled(shared);
    return shared;
  }

  test("the picture has the numbers of generate, forward and the logit lens, and steps by the keyboard", async () => {
    const text = "The little fox saw the";
    const page = await open({ view: "picture", text, options: "maxNewTokens:4,seed:3" });
    const { generation, trace, lens } = await exported<PictureData>(page);
    const events: TokenEvent[] = [];
    const stories = await named("stories");
    const { outputIds, inputIds } = await stories.generate(
      { prompt: text },
      {
        temperature: 0.8,
        topK: 0,
        topP: 0.95,
        seed: 3,
        maxNewTokens: 4,
        candidates: 24,
        onToken: (event) => events.push(event),
      },
    );
    expect(generation.steps.map(({ id }) => id)).toEqual(outputIds);
    for (const [i, { candidates }] of generation.steps.entries())
      for (const [j, candidate] of candidates.slice(0, 5).entries())
        expect(candidate.probability).toBeCloseTo(events[i]?.candidates?.[j]?.probability as number, DIGITS);
    const ids = [...(inputIds[0] as number[]), ...outputIds.slice(0, -1)];
    const { attentions = [] } = await stories.forward({ inputIds: [ids] }, { attentions: true });
    expect(trace.attentions).toHaveLength(attentions.length);
    for (const [layer, { data }] of trace.attentions.entries())
      expect(
        Math.max(...data.map((value, i) => Math.abs(value - (attentions[layer]?.data[i] as number)))),
      ).toBeLessThan(1e-3);
    const [position, layers] = Object.entries(lens)[0] as [string, LensRow[]];
    const own = await logitLens(stories, ids.slice(0, Number(position) + 1));
    for (const [i, { probability, rank }] of layers.entries()) {
      expect(probability).toBeCloseTo(own[i]?.probability as number, DIGITS);
      expect(rank).toBe(own[i]?.rank);
    }
    await page.getByRole("button", { name: "Forward →" }).focus();
    await page.keyboard.press("Enter");
    await settled(page);
    expect(await page.locator(".token.written").count()).toBe(1);
    expect(page.url()).toContain("step=1");
    const canvas = page.locator(".attention figure canvas");
    await canvas.focus();
    for (const key of ["ArrowDown", "ArrowDown"]) await page.keyboard.press(key);
    expect(await page.locator(".attention .readout").textContent()).toMatch(/“.+” looks at “.+”: \d/);
    expect(await page.locator(".token.lit").count()).toBe(1);
  });

  test("options change what may be drawn, name what they remove, and are drawn as often as they say", async () => {
    const page = await open({ view: "options", options: "topK:3,temperature:1,topP:1" });
    expect(await page.locator("table.steps").textContent()).toContain("removed by Top-k");
    const { step } = await exported<{ step: { candidates: { id: number; probability: number }[] } }>(page);
    expect(step.candidates.filter(({ probability }) => probability > 0)).toHaveLength(3);
    await page.getByRole("button", { name: "Draw 500 times" }).click();
    await page.locator(".draws-station .bars").waitFor();
    expect(await page.locator(".draws-station tr").count()).toBe(3);
    await page.getByRole("slider", { name: "Top-k" }).fill("2");
    await settled(page);
    const after = await exported<{ step: typeof step }>(page);
    expect(after.step.candidates.filter(({ probability }) => probability > 0)).toHaveLength(2);
  });

  test("heads have the library's measures, and one that is switched off changes the prediction as there", async () => {
    const text = "The fox saw the king. The fox";
    const page = await open({ view: "heads", text });
    const { measures, importance } = await exported<HeadData>(page);
    const stories = await named("stories");
    const own = await headMeasures(stories, text);
    expect(measures.map(({ habit }) => habit)).toEqual(own.map(({ habit }) => habit));
    const [first] = [...own].sort((a, b) => b.shares[b.habit] - b.even[b.habit] - a.shares[a.habit] + a.even[a.habit]);
    const { layer, head } = first as (typeof own)[number];
    const { divergence } = await ablateHeads(stories, text, [{ layer, head }]);
    expect(importance[layer]?.[head]).toBeCloseTo(divergence, DIGITS);
    await page.getByRole("button", { name: `Switch off: Layer ${layer + 1}, head ${head + 1}` }).click();
    await settled(page);
    expect(await page.locator(".ablation-station").textContent()).toContain(`${divergence.toFixed(2)}`);
  });

  test("sentiment, words and RNN beside transformer have the library's numbers", async () => {
    const text = "The story is not good, and the end is terrible.";
    const page = await open({ view: "sentiment", text });
    const { influence } = await exported<{ influence: Influence }>(page);
    const own = await tokenInfluence(await named("sentiment"), text);
    expect(influence.target.label).toBe("negative");
    for (const [i, token] of own.tokens.entries())
      expect(influence.tokens[i]?.influence).toBeCloseTo(token.influence, DIGITS);
    await page.getByRole("link", { name: "One word, two contexts" }).click();
    await page.getByRole("combobox", { name: "Model" }).selectOption("stories");
    await settled(page);
    const { layers } = await exported<{ layers: { similarity: number }[] }>(page);
    const pair = ["The bird can fly", "He ate the can"] as const;
    for (const [i, { similarity }] of (await wordContexts(await named("stories"), pair, "can")).entries())
      expect(layers[i]?.similarity).toBeCloseTo(similarity, DIGITS);
    await page.getByRole("link", { name: "RNN and transformer" }).click();
    await settled(page);
    const both = await exported<{ transformer: Influence; recurrent: Influence }>(page);
    const asked = await page.getByRole("textbox", { name: "Text" }).inputValue();
    const target = both.transformer.target.id;
    for (const [name, shown] of [
      ["stories", both.transformer],
      ["stories-gru", both.recurrent],
    ] as const) {
      const { tokens } = await tokenInfluence(await named(name), asked, { target });
      for (const [i, token] of tokens.entries())
        expect(shown.tokens[i]?.influence).toBeCloseTo(token.influence, DIGITS - 1);
    }
  });

  test("a translation has the library's tokens and cross-attention; the other lessons open", async () => {
    const page = await open({ view: "translation" });
    const { generation, trace } = await exported<PictureData>(page);
    const translate = await named("translate");
    const { outputIds } = await translate.generate(
      { prompt: "translate English to German: The dog sleeps in the house." },
      { numBeams: 1, doSample: false },
    );
    expect(generation.steps.map(({ id }) => id)).toEqual(outputIds);
    const { crossAttentions = [] } = await translate.forward(
      { inputIds: [generation.inputIds], decoderInputIds: [[0, ...outputIds.slice(0, -1)]] },
      { attentions: true },
    );
    for (const [layer, { data }] of trace.crossAttentions.entries())
      expect(
        Math.max(...data.map((value, i) => Math.abs(value - (crossAttentions[layer]?.data[i] as number)))),
      ).toBeLessThan(1e-3);
    expect(await page.locator(".tree").textContent()).toContain("Der Hund");
    for (const [name, part] of [
      ["Encoder, decoder, both", ".both-station canvas"],
      ["Prompt and window", ".budget-station .bars"],
      ["Fine-tuning", ".loss-station .chart"],
      ["Lifecycle", ".cycle a"],
      ["Compare", ".sides-station .bars"],
    ] as const) {
      await page.getByRole("link", { name }).click();
      await page.locator(part).first().waitFor();
      expect(await page.locator(".problem").count()).toBe(0);
    }
  });

  test("a link restores text, options, view, language and theme in a fresh browser", async () => {
    const first = await open({
      view: "options",
      text: "One day, the fox",
      options: "topK:4,seed:9",
      lang: "ko",
      theme: "dark",
    });
    const link = first.url();
    const page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(link);
    await page.locator("table.steps").waitFor();
    expect(await page.locator("textarea").inputValue()).toBe("One day, the fox");
    expect(await page.locator("input[name=topK]").inputValue()).toBe("4");
    expect(await page.locator("h1").textContent()).toBe("생성 옵션");
    expect(await page.evaluate("document.documentElement.dataset.theme")).toBe("dark");
    await page.close();
  });

  test("a broken link, a model that does not fit, a text that is too long and one from right to left are told", async () => {
    const page = await open({ view: "nowhere", model: "nobody" });
    expect(await page.locator(".problem").textContent()).toContain("view, model");
    const encoder = await open({ view: "picture", model: "sentiment" });
    expect(await encoder.locator(".unfit").textContent()).toContain("heads and sentiment");
    const empty = await open({ view: "heads", text: "" });
    expect(await empty.locator(".unfit").textContent()).toBe("Type a text to begin.");
    const long = await open({ view: "picture", text: "the fox and the wolf ".repeat(140) });
    expect(await long.locator(".problem").textContent()).toContain("512");
    await long.locator("textarea").fill("שלום e\u0301");
    await long.locator(".problem").waitFor({ state: "detached" });
    await settled(long);
    expect(await long.locator(".problem").count()).toBe(0);
  });

  test("nothing that belongs to another text or word stays shown", async () => {
    const other = await open({ view: "compare", kind: "models", other: "nobody" });
    expect(await other.locator(".problem").textContent()).toContain("other");
    const page = await open({ view: "words" });
    await page.locator(".words-station").waitFor();
    await page.getByRole("textbox", { name: "Word", exact: true }).fill("zebra");
    await page.locator(".unfit").waitFor();
    expect(await page.locator(".words-station").count()).toBe(0);
    await page.getByRole("link", { name: "Prompt and window" }).click();
    await page.locator(".budget-station").waitFor();
    await page.locator("textarea").fill("word ".repeat(600));
    await page.locator(".problem").waitFor();
    await settled(page); // the examples of the view have their answers, and the text has none
    expect(await page.locator(".problem").count()).toBe(1);
    expect(await page.locator(".budget-station").count()).toBe(0);
    await page.locator("textarea").fill("");
    await page.locator(".problem").waitFor({ state: "detached" });
    await page.locator("textarea").fill("A short text");
    await page.locator(".budget-station").waitFor();
  });

  test("lectern studio's server runs any model for the page", async () => {
    const stories = await named("stories");
    const studio = await serveStudio({ models: new Map([["mine", stories]]) });
    const page = await openStudio(browser, studio.url, {
      view: "picture",
      text: "The fox saw",
      options: "maxNewTokens:2",
    });
    await settled(page);
    const { trace } = await exported<PictureData>(page);
    const { attentions = [] } = await stories.forward(
      { inputIds: [trace.tokens.map(({ id }) => id)] },
      { attentions: true },
    );
    expect(trace.attentions[0]?.data).toEqual(Array.from(attentions[0]?.data as Float32Array));
    await page.context().close();
    await studio.close();
  });

  test("a browser without SIMD is told so, and keeps the text", async () => {
    const context = await browser.newContext({ locale: "en" });
    const page = await context.newPage();
    await page.addInitScript("WebAssembly.validate = () => false");
    await page.goto(`${address}#view=heads&lang=en&text=Hello`);
    await page.locator(".problem").waitFor();
    expect(await page.locator(".problem").textContent()).toContain("SIMD");
    expect(await page.locator("textarea").inputValue()).toBe("Hello");
    await context.close();
  });

  test("asks no other host, and shows the recorded picture before the engine is there", async () => {
    const context = await browser.newContext({ locale: "en" });
    const page = await context.newPage();
    const hosts = new Set<string>();
    page.on("request", (request) => hosts.add(new URL(request.url()).host));
    await page.route("**/lectern.js", () => {}); // never answered
    await page.goto(address);
    await page.locator(".attention canvas").first().waitFor();
    expect(await page.locator(".drawn-station").textContent()).toContain("A recorded example");
    expect([...hosts]).toEqual([new URL(address).host]);
    expect(await context.cookies()).toEqual([]);
    await context.close();
  });

  test("the recorded picture is what the library computes", async () => {
    const frame = JSON.parse(readFileSync(join(folder, "frame.json"), "utf8")) as RecordedFrame;
    const stories = await named("stories");
    const ids = [...frame.generation.inputIds, ...frame.generation.steps.slice(0, -1).map(({ id }) => id)];
    const { attentions = [] } = await stories.forward({ inputIds: [ids] }, { attentions: true });
    for (const [layer, { bytes, scale }] of frame.attentions.entries()) {
      const values = Int8Array.from(Buffer.from(bytes, "base64"));
      const gap = values.reduce(
        (most, byte, i) => Math.max(most, Math.abs(byte * scale - (attentions[layer]?.data[i] as number))),
        0,
      );
      expect(gap).toBeLessThan(0.51 * scale + 1e-4); // half a step of rounding
    }
  });
});

test("the app has at most 80 kB of gzip beside the engine, with its recorded picture, and the site is under 100 MB", () => {
  const page = fileURLToPath(new URL("../../dist/page/", import.meta.url));
  const bytes = ["index.html", "app.js", "style.css", "frame.json"].map(
    (name) => gzipSync(readFileSync(join(page, name))).length,
  );
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(80_000);
  const site = mkdtempSync(join(tmpdir(), "lectern-studio-"));
  writeSite(site);
  const files = readdirSync(site, { recursive: true, encoding: "utf8" });
  const total = files.reduce((sum, name) => sum + statSync(join(site, name)).size, 0);
  rmSync(site, { recursive: true });
  expect(total).toBeLessThan(100e6);
});

interface LensRow {
  readonly probability: number;
  readonly rank: number;
}

interface Values {
  readonly data: readonly number[];
}

interface PictureData {
  readonly generation: {
    readonly inputIds: readonly number[];
    readonly steps: readonly { id: number; candidates: readonly { probability: number }[] }[];
  };
  readonly trace: {
    readonly tokens: readonly { readonly id: number }[];
    readonly attentions: readonly Values[];
    readonly crossAttentions: readonly Values[];
  };
  readonly lens: Readonly<Record<string, LensRow[]>>;
}

interface HeadData {
  readonly measures: readonly { readonly habit: string }[];
  readonly importance: readonly (readonly number[])[];
}

interface Influence {
  readonly target: { readonly id: number; readonly label: string };
  readonly tokens: readonly { readonly influence: number }[];
}

interface RecordedFrame {
  readonly generation: PictureData["generation"];
  readonly attentions: readonly { readonly bytes: string; readonly scale: number }[];
}
