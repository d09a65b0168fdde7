import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const run = promisify(execFile);

/** An environment in which the engine would record: none of the variables by which it knows that it is being tested. */
async function environment(): Promise<{ env: NodeJS.ProcessEnv; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const { CI, GITHUB_ACTIONS, TF_BUILD, ORT_DISABLE_TELEMETRY, ...rest } = process.env;
  const kept = Object.entries(rest).filter(([name]) => !/^(VITEST|NODE_)/.test(name));
  return { env: { ...Object.fromEntries(kept), HOME: folder, XDG_CACHE_HOME: join(folder, "cache") }, folder };
}

const generate = `
  const { loadModel } = await import("lectern");
  const model = await loadModel("stories");
  await model.generate({ prompt: "Once" }, { maxNewTokens: 2 });
  await model.dispose();`;

/** ONNX Runtime 1.30 writes an id and a database of events below the user's cache folder, to be sent to its makers. */
describe.runIf(existsSync("dist"))("the engine records nothing (skipped until `npm run build` has run)", () => {
  test.each([
    ["a model in its worker", generate],
    [
      "in a worker of the caller's",
      `const { Worker } = await import("node:worker_threads");
       const code = ${JSON.stringify(`(async () => {${generate}})()`)};
       await new Promise((resolve, reject) => new Worker(code, { eval: true }).on("exit", resolve).on("error", reject));`,
    ],
  ])("%s", async (_, code) => {
    const { env, folder } = await environment();
    await run(process.execPath, ["--input-type=module", "-e", code], { env });
    const written = await readdir(folder, { recursive: true });
    expect(written.filter((name) => /onnxruntime|Microsoft/i.test(name))).toEqual([]);
    await rm(folder, { recursive: true });
  });
});
