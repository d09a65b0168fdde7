/**
 * Times of the studio in Debian's chromium: the first picture, the live model, a slider's redraw, hovering over a long text.
 *   npm run build:site && node bench/studio.mjs
 * Frames follow one another as fast as they are made, so that a redraw's time has no wait for the screen's clock of 60 Hz in it.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** Times that the page is opened; the median is printed. */
const OPENINGS = 5;

const root = fileURLToPath(new URL("../web/dist/", import.meta.url));
const types = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".css": "text/css" };
const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const file = join(root, pathname === "/" ? "index.html" : pathname);
  response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
  response.setHeader("cache-control", "max-age=600");
  await readFile(file).then(
    (bytes) => response.end(bytes),
    () => response.writeHead(404).end(),
  );
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}/`;
const profile = await mkdtemp(join(tmpdir(), "lectern-studio-")); // a window without a profile keeps no compiled code
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-frame-rate-limit", "--disable-gpu-vsync"],
  locale: "en",
});

/** Milliseconds from the navigation to the first picture and to the live model, as the page itself sees them. */
async function timed(page) {
  await page.addInitScript(() => {
    const seen = {};
    globalThis.seen = seen;
    const note = () => {
      if (document.querySelector(".attention canvas")) seen.firstPicture ??= performance.now();
      if (document.querySelector(".state")?.textContent === "Ready") seen.liveModel ??= performance.now();
    };
    new MutationObserver(note).observe(document, { childList: true, subtree: true, characterData: true });
  });
  await page.goto(address);
  await page.waitForFunction(() => globalThis.seen.liveModel, null, { polling: 100 });
  return page.evaluate(() => globalThis.seen);
}

const openings = [];
let page;
for (let i = 0; i <= OPENINGS; i++) {
  await page?.close();
  page = await browser.newPage();
  const times = await timed(page);
  if (i > 0) openings.push(times); // the first one fills the browser's caches
}
const median = (name) => openings.map((times) => times[name]).sort((a, b) => a - b)[Math.floor(OPENINGS / 2)];
const times = { firstPicture: median("firstPicture"), liveModel: median("liveModel") };

/** Milliseconds from an event to the next frame, the 95th percentile. */
const frames = (act, count) =>
  page.evaluate(
    async ([source, times]) => {
      const run = new Function("i", source);
      const all = [];
      for (let i = 0; i < times; i++) {
        const start = performance.now();
        run(i);
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        all.push(performance.now() - start);
      }
      return all.sort((a, b) => a - b)[Math.floor(0.95 * times)];
    },
    [act, count],
  );

const slider = `const s = document.querySelector(".stepper input"); s.value = i % 8; s.dispatchEvent(new Event("input", { bubbles: true }));`;
const stepRedraw = await frames(slider, 200);
await page.goto(`${address}#view=options&options=maxNewTokens:4`);
await page.locator(".effects .steps").waitFor();
await page.locator(".state:text('Ready')").waitFor();
await page.waitForTimeout(1000); // greedy and drawn texts are there
const move = `const s = document.querySelector("input[name=temperature]"); s.value = 0.5 + (i % 20) * 0.05; s.dispatchEvent(new Event("input", { bubbles: true }));`;
const sliderRedraw = await frames(move, 200);
await page.waitForTimeout(3000);
/** Milliseconds from a slider's event to the distribution that the model answers with, the 95th percentile. */
const distribution = await page.evaluate(async (source) => {
  const run = new Function("i", source);
  const shown = () => document.querySelector(".effects .steps").textContent;
  const all = [];
  for (let i = 0; i < 20; i++) {
    const [start, before] = [performance.now(), shown()];
    run(i);
    while (shown() === before && performance.now() - start < 2000)
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    all.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 600));
  }
  return all.sort((a, b) => a - b)[Math.floor(0.95 * all.length)];
}, move);
await page.goto(`${address}#view=picture&text=${encodeURIComponent("the fox and the wolf ".repeat(95))}`);
await page.waitForTimeout(8000);
const hover = `const t = document.querySelectorAll(".token"); t[(i * 7) % t.length].dispatchEvent(new MouseEvent("mouseenter", { bubbles: true })); t[(i * 7) % t.length].focus();`;
const tokens = await page.locator(".token").count();
const hoverRedraw = await frames(hover, 40);
console.log(JSON.stringify({ ...times, stepRedraw, sliderRedraw, distribution, tokens, hoverRedraw }, null, 2));
await browser.close();
server.close();
await rm(profile, { recursive: true, force: true });
