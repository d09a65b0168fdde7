import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { exportGguf } from "../inference/export-gguf.ts";
import { loadModel } from "../inference/index.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { openDirectory } from "./open-directory.ts";

afterAll(() => vi.unstubAllEnvs());

test("weights that are derived from a file are written no further once the signal fires, and leave nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  vi.stubEnv("LECTERN_CACHE", join(folder, "cache"));
  const out = join(folder, "model.gguf");
  await exportGguf(fixture("models/llama_mha"), { out, type: "Q8_0" });
  const stop = new AbortController();
  const files = await openDirectory(out, stop.signal);
  await files.readText("config.json");
  const checkpoint = await openCheckpoint(files);
  const expanding = checkpoint.expand();
  stop.abort();
  await expect(expanding).rejects.toMatchObject({ code: "abort" });
  expect(await readdir(join(folder, "cache", "derived"))).toEqual([]);
});

test("a signal that fires after a load changes nothing", async () => {
  const stop = new AbortController();
  await using model = await loadModel(fixture("models/gpt2"), { signal: stop.signal });
  stop.abort();
  expect((await model.generate({ inputIds: [5] }, { maxNewTokens: 2, minNewTokens: 2 })).outputIds).toHaveLength(2);
  await expect(model.addAdapter("a", fixture("models/gpt2"))).rejects.toMatchObject({ code: "file" });
});
