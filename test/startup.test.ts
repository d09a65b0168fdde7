import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The modules and native libraries that a command line loads, by address and path. */
async function loadedBy(...args: string[]): Promise<string[]> {
  const child = spawn(process.execPath, ["--import", "./test/helpers/log-modules.mjs", "dist/cli/main.js", ...args], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  let log = "";
  child.stdio[3]?.on("data", (chunk) => {
    log += chunk;
  });
  const [code] = (await once(child, "close")) as [number];
  expect(code).toBe(0);
  return log.trim().split("\n");
}

const computing = /onnxruntime|worker-node|\/zod\/|\/jinja\/|\/csv-parse\//;

test.each([[["--version"]], [["--help"]], [["run", "--help"]], [["finetune", "--help"]], [["help", "translate"]]])(
  "lectern %j loads nothing that computes",
  async (args) => {
    const loaded = await loadedBy(...args);
    expect(loaded.some((url) => url.endsWith("dist/cli/main.js"))).toBe(true);
    expect(loaded.filter((url) => computing.test(url))).toEqual([]);
    expect(loaded.filter((url) => url.startsWith("file:") && url.includes("/dist/")).length).toBeLessThan(25);
  },
);

test("a run loads the engine and its worker, and neither training nor what only the Hub needs", async () => {
  const loaded = await loadedBy("run", "stories", "hi", "--max-new-tokens", "1");
  expect(loaded.some((url) => /onnxruntime/.test(url))).toBe(true);
  expect(loaded.filter((url) => /\/zod\/|\/csv-parse\/|training/.test(url))).toEqual([]);
});
