/** Writes the screenshots of docs/studio.md: node web/shots.mjs [VIEW …], after npm run build:site. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("dist/", import.meta.url));
const out = fileURLToPath(new URL("../docs/studio/", import.meta.url));
const types = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".css": "text/css" };
const views = [
  ...["picture", "options", "memory", "words", "heads", "shapes", "translation", "sentiment"],
  ...["window", "finetuning", "lifecycle", "compare"],
];
/** English on a screen in the light, Korean on a phone in the dark. */
const forms = [
  { lang: "en", theme: "light", width: 1280, height: 1000, scale: 0.65 },
  { lang: "ko", theme: "dark", width: 390, height: 844, scale: 1 },
];

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const file = join(root, pathname === "/" ? "index.html" : pathname);
  response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
  await readFile(file).then(
    (bytes) => response.end(bytes),
    () => response.writeHead(404).end(),
  );
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });

/** Waits until nothing has been computed for a while. */
async function settled(page) {
  for (let quiet = 0, i = 0; quiet < 6 && i < 400; i++) {
    await page.waitForTimeout(200);
    const text = await page.locator(".state").textContent();
    quiet = /^(Ready|준비됨)$/.test(text) ? quiet + 1 : 0;
  }
}

const asked = process.argv.slice(2);
for (const { lang, theme, width, height, scale } of forms) {
  const page = await browser.newPage({ viewport: { width, height }, deviceScaleFactor: scale });
  page.on("pageerror", ({ message }) => console.error(message));
  for (const view of asked.length > 0 ? asked : views) {
    await page.goto(`http://127.0.0.1:${server.address().port}/#view=${view}&lang=${lang}&theme=${theme}`);
    await settled(page);
    const content = width < 600 ? page.locator(".station, .cycle, .attention").first() : undefined;
    await page.evaluate("scrollTo(0, 0)");
    await content?.evaluate((element) => scrollTo(0, element.getBoundingClientRect().top - 160));
    await page.waitForTimeout(200);
    await page.screenshot({ path: join(out, `${view}-${lang}-${width}.jpg`), type: "jpeg", quality: 62 });
  }
  await page.close();
}
await browser.close();
server.close();
