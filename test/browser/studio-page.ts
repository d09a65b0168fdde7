import { readFile } from "node:fs/promises";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

/** A page of the studio, opened with the fields of a link. */
export async function openStudio(
  browser: Browser,
  address: string,
  fields: Readonly<Record<string, string>>,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const link = new URLSearchParams({ lang: "en", theme: "light", ...fields });
  await page.goto(`${address}#${link}`);
  return page;
}

/** Opens a link in a page of the studio that is there already, with its engine and its models. */
export async function follow(page: Page, address: string, fields: Readonly<Record<string, string>>): Promise<void> {
  await page.goto(`${address}#${new URLSearchParams({ lang: "en", theme: "light", ...fields })}`);
}

/** Waits until the model has answered everything, and no more questions follow. */
export async function settled(page: Page): Promise<void> {
  let quiet = 0;
  while (quiet < 4) {
    const text = await page.locator(".state").textContent();
    const isQuiet = /^(Ready|준비됨)$/.test(text ?? "") || (await page.locator(".problem").count()) > 0;
    quiet = isQuiet ? quiet + 1 : 0;
    await page.waitForTimeout(100);
  }
}

/** The data behind the view, as the page exports it. */
export async function exported<T>(page: Page): Promise<T> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "JSON", exact: true }).click(),
  ]);
  return JSON.parse(await readFile(await download.path(), "utf8")) as T;
}
