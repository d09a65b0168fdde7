import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const guides = readFileSync(`${root}docs/guides.md`, "utf8");
const built = existsSync(`${root}dist/cli/main.js`);
const [server, search, adapters] = [...guides.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code as string);

const run = (code: string | undefined): string =>
  execFileSync(process.execPath, ["--input-type=module", "--eval", code as string], { cwd: root, encoding: "utf8" });

describe.skipIf(!built)("the guides (skipped until `npm run build` has run)", () => {
  test("the server streams, refuses a request without a prompt, and goes on when a client leaves", async () => {
    const code = `${server}\nserver.on("listening", () => console.log(server.address().port));`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
      cwd: root,
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

  test("the search ranks all sentences", () => {
    const lines = run(search).trim().split("\n");
    expect(lines).toHaveLength(3);
    const scores = lines.map((line) => Number(line.split(" ")[0]));
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  });

  test("the adapters' program answers with the base alone where no adapter is given", () => {
    expect(run(adapters).trim().length).toBeGreaterThan(20);
  });
});
