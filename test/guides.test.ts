import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const main = join(root, "dist/cli/main.js");
const CHROMIUM = "/usr/bin/chromium";
const run = promisify(execFile);

/** The code blocks of a guide in one language; which of all guides' blocks were taken is counted. */
const taken = new Map<string, number>();
const pageOf = (guide: string): string => readFileSync(join(root, "docs/guides", `${guide}.md`), "utf8");
const blocksOf = (page: string): [language: string, code: string][] =>
  [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => [language as string, code as string]);

function blocks(guide: string, wanted: string): string[] {
  const found = blocksOf(pageOf(guide)).filter(([language]) => language === wanted);
  taken.set(guide, (taken.get(guide) ?? 0) + found.length);
  return found.map(([, code]) => code);
}

/** The guides' models are the tiny ones of the tests. */
const located = (text: string): string =>
  text
    .replaceAll("path/to/all-MiniLM-L6-v2", join(root, "test/parity/fixtures/models/bert"))
    .replaceAll("path/to/", join(root, "test/parity/fixtures/models/"));

const program = {
  choosing: blocks("choosing-a-model", "js"),
  server: blocks("node-server", "js"),
  next: blocks("nextjs", "js"),
  page: blocks("browser", "html"),
  worker: blocks("browser", "js"),
  chat: blocks("chat", "js"),
  search: blocks("embeddings-and-search", "js"),
  table: blocks("fine-tune-a-classifier", "csv"),
  finetune: blocks("fine-tune-a-classifier", "js"),
  failing: blocks("troubleshooting", "js"),
};
const commands = {
  choosing: blocks("choosing-a-model", "sh"),
  page: blocks("browser", "sh"),
  chat: blocks("chat", "sh"),
  search: blocks("embeddings-and-search", "sh"),
  finetune: blocks("fine-tune-a-classifier", "sh"),
  doctor: blocks("troubleshooting", "sh"),
};

test("every code block of the guides is taken by a test", () => {
  const guides = readdirSync(join(root, "docs/guides")).map((name) => name.replace(/\.md$/, ""));
  const all = guides.map((guide) => [guide, blocksOf(pageOf(guide)).length] as const);
  expect(Object.fromEntries(taken)).toEqual(Object.fromEntries(all));
});

test("messages that the guide on troubleshooting names are in the source", () => {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => readFileSync(join(root, "src", path), "utf8"))
    .join("\n");
  const [, table = ""] = /## Messages\n(.*?)\n\n[^|\n]/s.exec(pageOf("troubleshooting")) ?? [];
  const messages = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, message]) => message as string);
  expect(messages.length).toBeGreaterThan(5);
  for (const message of messages)
    for (const part of message.split(/"?…"?/).filter((text) => text !== "")) expect(sources).toContain(part.trim());
});

describe.skipIf(!existsSync(main))("the guides (skipped until `npm run build` has run)", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lectern-guides-"));
    await mkdir(join(folder, "node_modules"));
    await symlink(root, join(folder, "node_modules/lectern"), "dir");
    await writeFile(join(folder, "reviews.csv"), program.table[0] as string);
    await writeFile(join(folder, "lines.txt"), "The ship sank.\nShe bakes bread.\n\nA boat went down.\n");
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Runs a program as a module of a folder in which lectern is installed. */
  async function output(code: string | undefined, ...args: readonly string[]): Promise<string> {
    const path = join(folder, "program.mjs");
    await writeFile(path, located(code as string));
    return (await run(process.execPath, [path, ...args], { cwd: folder })).stdout;
  }

  /** Runs a block of commands, one by one. */
  async function results(block: string | undefined): Promise<string[]> {
    const outputs: string[] = [];
    for (const line of located(block as string)
      .trim()
      .split("\n")) {
      const command = line.replace("npx lectern", `"${process.execPath}" "${main}"`);
      outputs.push((await run("bash", ["-c", command], { cwd: folder })).stdout);
    }
    return outputs;
  }

  test("choosing a model: `show` and the program print what a model needs", async () => {
    expect((await results(commands.choosing[0]))[0]).toMatch(/parameters +4\.88 M/);
    expect(await output(program.choosing[0])).toBe("LLaMA, 19.5 MB of weights, 512 tokens\n");
  });

  test("the server streams, refuses a request without a prompt, and goes on when a client leaves", async () => {
    const code = `${program.server[0]}\nserver.on("listening", () => console.log(server.address().port));`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
      cwd: folder,
      env: { ...process.env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [port] = (await once(child.stdout, "data")) as [Buffer];
      const at = (query: string): string => `http://127.0.0.1:${String(port).trim()}/${query}`;
      expect((await fetch(at(""))).status).toBe(400);
      const left = new AbortController();
      const first = await fetch(at("?prompt=The+wolf"), { signal: left.signal });
      await first.body?.getReader().read();
      left.abort();
      const text = await (await fetch(at("?prompt=Once+upon+a+time"))).text();
      expect(text.length).toBeGreaterThan(60);
    } finally {
      child.kill();
    }
  });

  test("a generation that is aborted ends with the text until then", async () => {
    expect(await output(program.server[1])).toMatch(/^abort .+/);
  });

  test("the adapters' program answers with the base alone where no adapter is given", async () => {
    expect((await output(program.server[2])).trim().length).toBeGreaterThan(20);
  });

  test("the route handler of Next streams, refuses a request without a prompt, and ends with its client", async () => {
    const [plain, standalone, route] = program.next as [string, string, string];
    for (const [name, config] of Object.entries({ plain, standalone })) {
      const path = join(folder, `${name}.config.mjs`);
      await writeFile(path, config);
      const { default: settings } = (await import(pathToFileURL(path).href)) as { default: object };
      expect(settings).toMatchObject({ serverExternalPackages: ["lectern"] });
    }
    const asks = `
      const ask = (body, signal) =>
        POST(new Request("http://localhost/api/generate", { method: "POST", body: JSON.stringify(body), signal }));
      const refused = await ask({});
      const text = await (await ask({ prompt: "The old king" })).text();
      const stop = new AbortController();
      const reader = (await ask({ prompt: "The old king" }, stop.signal)).body.getReader();
      await reader.read();
      stop.abort();
      let left = 0;
      while (!(await reader.read()).done) left++;
      const cancelled = (await ask({ prompt: "The old king" })).body;
      await cancelled.cancel();
      console.log(JSON.stringify({ status: refused.status, text, left }));
      await (await globalThis.storyModel).dispose();`;
    const result = JSON.parse(await output(route + asks)) as { status: number; text: string; left: number };
    expect(result.status).toBe(400);
    expect(result.text.length).toBeGreaterThan(60);
    expect(result.left).toBeLessThan(50);
  });

  test("the chat answers two questions, and drops the oldest messages of a long conversation", async () => {
    expect((await results(commands.chat[0]))[0]?.length).toBeGreaterThan(0);
    expect((await output(program.chat[0])).split("\n").length).toBeGreaterThanOrEqual(3);
    expect((await output(program.chat[1])).length).toBeGreaterThan(1);
  });

  test("the search ranks all sentences, also from an index on disk", async () => {
    const scoresOf = (text: string): number[] =>
      text
        .trim()
        .split("\n")
        .map((line) => Number(line.split(" ")[0]));
    const scores = scoresOf(await output(program.search[0]));
    expect(scores).toHaveLength(3);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    await output(program.search[1], "lines.txt");
    const found = await output(program.search[2], "She bakes bread.");
    expect(found).toMatch(/^1\.000 She bakes bread\.\n/);
    expect(scoresOf(found)).toHaveLength(3);
    const [vectors] = await results(commands.search[0]);
    expect(JSON.parse(vectors as string).embeddings).toHaveLength(2);
  });

  test("the classifier is fine-tuned by the commands and by the program", async () => {
    const [byCommand, byAdapter] = commands.finetune;
    for (const block of [byCommand, byAdapter]) {
      const outputs = await results(block);
      expect(outputs[1]).toMatch(/positive|negative/);
    }
    expect(existsSync(join(folder, "merged/model.safetensors"))).toBe(true);
    const printed = await output(program.finetune[0]);
    expect(printed).toMatch(/negative.+positive/s);
    expect(printed).toMatch(/label: '(positive|negative)'/);
  }, 300_000);

  test("troubleshooting: `doctor` finds no problem, and the program prints an error's code", async () => {
    expect((await results(commands.doctor[0]))[0]).toContain("no problems found");
    expect(await output(program.failing[0])).toMatch(/^file model not found: no-such-model /);
  });

  test.skipIf(!existsSync(CHROMIUM))(
    "the page writes a story and stops (skipped where chromium is absent)",
    async () => {
      await results(commands.page[0]);
      const [html, early] = [program.page[0] as string, program.worker[0] as string];
      await writeFile(join(folder, "public/index.html"), html);
      await writeFile(join(folder, "public/early.html"), html.replace("<pre>", `<script>${early}</script><pre>`));
      const server = await serve(join(folder, "public"));
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
      try {
        const page = await browser.newPage();
        const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        await page.goto(`${address}/early.html`);
        await page.waitForFunction('document.querySelector("#write").onclick !== null');
        expect(page.workers()).toHaveLength(1);
        await page.goto(`${address}/index.html`);
        const text = (): Promise<string> => page.evaluate('document.querySelector("pre").textContent');
        await page.waitForFunction('document.querySelector("#write").onclick !== null');
        await page.click("#write");
        await page.waitForFunction('document.querySelector("pre").textContent.length > 20');
        await page.click("#stop");
        await page.waitForTimeout(300);
        const stopped = await text();
        await page.waitForTimeout(300);
        expect(await text()).toBe(stopped);
      } finally {
        await browser.close();
        server.close();
      }
    },
  );
});

const types: Record<string, string> = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };

/** A plain static server. */
function serve(directory: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = join(directory, new URL(request.url ?? "/", "http://localhost").pathname);
    readFile(path).then(
      (bytes) => response.setHeader("content-type", types[extname(path)] ?? "application/octet-stream").end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}
