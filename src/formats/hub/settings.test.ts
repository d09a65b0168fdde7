import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSettings } from "./settings.ts";

test.each([
  [{ HOME: "/h" }, "/h/.cache/huggingface/hub"],
  [{ HOME: "/h", XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
  [{ HOME: "/h", XDG_CACHE_HOME: "/x", HF_HOME: "~/f" }, "/h/f/hub"],
  [{ HF_HOME: "/f", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
  [{ HF_HOME: "/f", HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: `$ROOT/$${"{ROOT}"}`, ROOT: "/r" }, "/r/r"],
])("the cache is where huggingface_hub puts it: %j", (env, cacheDir) => {
  expect(readSettings({ env }).cacheDir).toBe(cacheDir);
});

test("what the caller says goes before the environment", () => {
  const env = { HF_HUB_CACHE: "/env", HF_HUB_OFFLINE: "1" };
  expect(readSettings({ env, cacheDir: "/own", offline: false })).toMatchObject({ cacheDir: "/own", offline: false });
  expect(readSettings({ env })).toMatchObject({ cacheDir: "/env", offline: true });
});

test("the token comes from HF_TOKEN, else from the file that a login wrote, and from nowhere where that is forbidden", async () => {
  const home = await mkdtemp(join(tmpdir(), "lectern-"));
  await writeFile(join(home, "token"), "hf_file\n");
  expect(readSettings({ env: { HF_HOME: home } }).token).toBe("hf_file");
  expect(readSettings({ env: { HF_HOME: home, HF_TOKEN: " hf_env " } }).token).toBe("hf_env");
  expect(readSettings({ env: { HF_TOKEN_PATH: join(home, "token"), HF_HOME: "/none" } }).token).toBe("hf_file");
  expect(readSettings({ env: { HF_HOME: home, HF_TOKEN: "t", HF_HUB_DISABLE_IMPLICIT_TOKEN: "YES" } }).token).toBe(
    undefined,
  );
});

test("settings that make no sense are refused by name", () => {
  expect(() => readSettings({ env: { HF_ENDPOINT: "hub" } })).toThrow(/HF_ENDPOINT must be an address/);
  expect(() => readSettings({ env: { HF_HUB_ETAG_TIMEOUT: "soon" } })).toThrow(/HF_HUB_ETAG_TIMEOUT must be a number/);
  expect(readSettings({ env: { HF_ENDPOINT: "http://a.b/" } }).endpoint).toBe("http://a.b");
});
