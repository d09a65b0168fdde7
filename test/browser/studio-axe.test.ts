import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { writeSite } from "../../web/site.mjs";
import { views } from "../../web/src/state.ts";
import { hasChromium, launchChromium, serve } from "../helpers/chromium.ts";
import { follow, openStudio, settled } from "./studio-page.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

/** Every view in both languages and themes at both widths takes minutes: `npm run test:axe`. CI takes a sample. */
const isWhole = process.env.LECTERN_AXE === "all";
const all = views.flatMap((view) =>
  ["en", "ko"].flatMap((lang) =>
    ["light", "dark"].flatMap((theme) => [390, 1280].map((width) => ({ view, lang, theme, width }))),
  ),
);
const sample = [
  { view: "picture", lang: "en", theme: "light", width: 1280 },
  { view: "heads", lang: "ko", theme: "dark", width: 390 },
];

describe.skipIf(!hasChromium)("axe-core finds nothing (skipped where /usr/bin/chromium is absent)", () => {
  const folder = mkdtempSync(join(tmpdir(), "lectern-studio-"));
  let browser: Browser;
  let server: Server;
  /** The pages by width: a link resets one, and its engine and models stay. */
  const pages = new Map<number, Page>();

  beforeAll(async () => {
    writeSite(folder);
    server = await serve({ folder });
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true });
  });

  test.each(isWhole ? all : sample)("in $view, $lang, $theme, $width pixels", async ({ width, ...fields }) => {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const known = pages.get(width);
    const page = known ?? (await openStudio(browser, address, fields, { viewport: { width, height: 844 } }));
    pages.set(width, page);
    if (known) await follow(page, address, fields);
    await settled(page);
    const closed = page.locator("details.table:not([open]) summary");
    while ((await closed.count()) > 0) await closed.first().click();
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<{ violations: Violation[] }>("axe.run()");
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
    expect(found).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
  });
});

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}
