import { readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { locateModel } from "../../src/formats/index.ts";
import { loadModel, loadTokenizer } from "../../src/inference/index.ts";
import { fixture } from "../helpers/fixtures.ts";
import { hubOf, layout, MODEL, noise, repositoryFiles } from "../helpers/hub-cache.ts";
import { COMMIT, etagOf, type HubFile } from "../helpers/hub-server.ts";

const small = (text: string): HubFile => ({ bytes: Buffer.from(text), isLarge: false });

/** A repository with a file in a folder, of which one file is not needed. */
const sentence: Readonly<Record<string, HubFile>> = {
  "config.json": small("{}"),
  "modules.json": small("[]"),
  "1_Pooling/config.json": small("{ }"),
  "model.safetensors": { bytes: noise(5000), isLarge: true },
  "onnx/model.onnx": { bytes: noise(100), isLarge: true },
  "pytorch_model.bin": { bytes: noise(100), isLarge: true },
};

test("the cache is, byte by byte, the one that huggingface_hub writes", async () => {
  const { server, home, options } = await hubOf(sentence);
  await using _ = server;
  const path = await locateModel(MODEL, options);
  const folder = join(home, "hub", "models--tiny--gpt2");
  expect(path).toBe(join(folder, "snapshots", COMMIT));
  const written = await layout(join(home, "hub"));
  const expected: Record<string, string> = {};
  for (const name of ["config.json", "modules.json", "1_Pooling/config.json", "model.safetensors"]) {
    const file = sentence[name] as HubFile;
    const up = "../".repeat(name.split("/").length + 1);
    expected[`models--tiny--gpt2/blobs/${etagOf(file)}`] = file.bytes.toString("latin1");
    expected[`models--tiny--gpt2/snapshots/${COMMIT}/${name}`] = `-> ${up}blobs/${etagOf(file)}`;
  }
  expected["models--tiny--gpt2/refs/main"] = COMMIT;
  expected["CACHEDIR.TAG"] = written["CACHEDIR.TAG"] as string;
  const absent = Object.entries(written).filter(([name]) => name.includes("/.no_exist/"));
  expect(Object.fromEntries(absent)).toMatchObject({ [`models--tiny--gpt2/.no_exist/${COMMIT}/tokenizer.json`]: "" });
  expect(written).toEqual({ ...expected, ...Object.fromEntries(absent.map(([name]) => [name, ""])) });
  expect(written["CACHEDIR.TAG"]).toMatch(/^Signature: 8a477f597d28d172789f06886806bc55\n/);
  expect(etagOf(small("hello\n"))).toBe("ce013625030ba8dba906f756967f9e9ca394464a"); // `git hash-object`
});

test("a model of the hub generates as the same directory does, and its tokenizer loads alone", async () => {
  const { server, options } = await hubOf(await repositoryFiles("llama_sharded"));
  await using _ = server;
  const path = await locateModel(MODEL, options);
  await using fromHub = await loadModel(path);
  await using local = await loadModel(fixture("models/llama_sharded"));
  const generate = async (model: typeof local) =>
    (await model.generate({ prompt: "Once upon" }, { maxNewTokens: 8, doSample: false })).outputIds;
  expect(await generate(fromHub)).toEqual(await generate(local));
  expect(server.downloads("model-00002-of-00002.safetensors").map(({ place }) => place)).toEqual(["hub", "cdn"]);

  const other = await hubOf(Object.fromEntries(server.files));
  await using __ = other.server;
  const folder = await locateModel(MODEL, { ...other.options, need: "tokenizer" });
  expect((await loadTokenizer(folder))?.encode("Once").ids).toEqual(local.tokenizer?.encode("Once").ids);
});

test("of two loads the second asks the hub once and downloads nothing, and offline it asks nothing", async () => {
  const { server, options } = await hubOf(sentence);
  await using _ = server;
  const path = await locateModel(MODEL, options);
  server.seen.length = 0;
  expect(await locateModel(MODEL, options)).toBe(path);
  expect(server.seen.map(({ place }) => place)).toEqual(["api"]);
  server.seen.length = 0;
  expect(await locateModel(MODEL, { ...options, offline: true })).toBe(path);
  expect(await locateModel(MODEL, { ...options, env: { ...options.env, HF_HUB_OFFLINE: "1" } })).toBe(path);
  expect(await locateModel(MODEL, { ...options, revision: COMMIT })).toBe(path); // a commit never changes
  expect(server.seen).toEqual([]);
});

test.each(["v1", "refs/pr/1", COMMIT])("revision %s is the commit that the hub says", async (revision) => {
  const { server, home, options } = await hubOf(sentence);
  await using _ = server;
  const path = await locateModel(MODEL, { ...options, revision });
  expect(path.endsWith(`/snapshots/${COMMIT}`)).toBe(true);
  const ref = await readFile(join(home, "hub/models--tiny--gpt2/refs", revision), "utf8").catch(() => undefined);
  expect(ref).toBe(revision === COMMIT ? undefined : COMMIT);
  expect(await locateModel(`${MODEL}@${revision}`, { ...options, offline: true })).toBe(path);
  await expect(locateModel(`${MODEL}@${revision}`, { ...options, revision: "main" })).rejects.toThrow(/give one/);
});

test("where symbolic links are switched off, the snapshot holds the files themselves", async () => {
  const { server, home, options } = await hubOf(sentence);
  await using _ = server;
  await locateModel(MODEL, { ...options, env: { ...options.env, HF_HUB_DISABLE_SYMLINKS: "1" } });
  const written = await layout(join(home, "hub/models--tiny--gpt2/snapshots", COMMIT));
  expect(written["model.safetensors"]).toBe(sentence["model.safetensors"]?.bytes.toString("latin1"));
  expect(await locateModel(MODEL, { ...options, offline: true })).toContain(COMMIT);
});

test("a hub that is not there: the cache is used with a warning, and without one the error says why", async () => {
  const { server, options } = await hubOf(sentence);
  const path = await locateModel(MODEL, options);
  await server[Symbol.asyncDispose]();
  const warnings: string[] = [];
  expect(await locateModel(MODEL, { ...options, onWarning: (text) => warnings.push(text) })).toBe(path);
  expect(warnings).toEqual([expect.stringMatching(/failed: ECONNREFUSED; using what the cache has of tiny\/gpt2$/)]);
  await expect(locateModel("tiny/other", options)).rejects.toMatchObject({ code: "hub" });
});

test("offline, what the cache lacks is named", async () => {
  const { server, home, options } = await hubOf(await repositoryFiles("llama_sharded"));
  await using _ = server;
  const offline = { ...options, offline: true };
  await expect(locateModel(MODEL, offline)).rejects.toThrow(
    /^offline: of tiny\/gpt2@main the cache .* lacks the model/,
  );
  const path = await locateModel(MODEL, options);
  await rm(join(path, "model-00002-of-00002.safetensors"));
  await expect(locateModel(MODEL, offline)).rejects.toThrow(/lacks model-00002-of-00002\.safetensors/);
  expect(await locateModel(MODEL, options)).toBe(path);
  expect(await locateModel(MODEL, offline)).toBe(path);
  expect((await stat(join(home, "hub"))).isDirectory()).toBe(true);
});

test("a blob that lost bytes, and a link without its blob, are downloaded again", async () => {
  const { server, home, options } = await hubOf(sentence);
  await using _ = server;
  const path = await locateModel(MODEL, options);
  const whole = await layout(join(home, "hub"));
  await truncate(join(path, "model.safetensors"), 10);
  await rm(join(home, "hub/models--tiny--gpt2/blobs", etagOf(small("{}"))));
  expect(await locateModel(MODEL, options)).toBe(path);
  expect(await layout(join(home, "hub"))).toEqual(whole);
});

test("an existing path and a shipped model's name go before the hub, and have no revisions", async () => {
  const { server, home, options } = await hubOf(sentence);
  await using _ = server;
  expect(await locateModel(home, options)).toBe(home);
  expect(await locateModel("stories", options)).toMatch(/models\/stories$/);
  await expect(locateModel("stories", { ...options, revision: "v1" })).rejects.toThrow(/has no revisions/);
  await expect(locateModel("no/such/model", options)).rejects.toThrow(
    /model not found: no\/such\/model is not a directory/,
  );
  expect(server.seen).toEqual([]);
});

test("a GGUF file is downloaded where it is asked for, and nothing else", async () => {
  const { server, options } = await hubOf({ ...sentence, "m.Q4_0.gguf": { bytes: noise(300), isLarge: true } });
  await using _ = server;
  const path = await locateModel(`${MODEL}:Q4_0`, options);
  expect(path.endsWith(`/snapshots/${COMMIT}/m.Q4_0.gguf`)).toBe(true);
  expect(await locateModel(`${MODEL}/m.Q4_0.gguf`, { ...options, offline: true })).toBe(path);
  expect(await readFile(path)).toEqual(noise(300));
  expect(server.seen.some(({ path }) => path.endsWith("model.safetensors"))).toBe(false);
});

test("pickled weights are refused before anything is downloaded, in the cache's words also from a directory", async () => {
  const { "model.safetensors": _weights, ...pickled } = sentence;
  const { server, home, options } = await hubOf(pickled);
  await using _ = server;
  await expect(locateModel(MODEL, options)).rejects.toMatchObject({ code: "unsupported" });
  expect(server.seen.map(({ place }) => place)).toEqual(["api"]);
  await writeFile(join(home, "config.json"), '{"model_type": "gpt2"}');
  await writeFile(join(home, "pytorch_model.bin"), "");
  await expect(loadModel(home)).rejects.toThrow(/pickled \(pytorch_model\.bin\).*save_pretrained/);
});

test("an adapter of the hub brings its base, at the revision that it names", async () => {
  const base = await hubOf(await repositoryFiles("llama_bf16"));
  await using _ = base.server;
  const adapter = fixture("training/lora/llama/adapter");
  const config = JSON.parse(await readFile(join(adapter, "adapter_config.json"), "utf8")) as Record<string, unknown>;
  await writeFile(
    join(base.home, "adapter_config.json"),
    JSON.stringify({ ...config, base_model_name_or_path: MODEL, revision: "v1" }),
  );
  const { locateBase } = await import("../../src/inference/locate-base.ts");
  const { openFiles } = await import("../../src/files/index.ts");
  const files = await openFiles(base.home);
  expect(await locateBase(files, base.options)).toContain(`snapshots/${COMMIT}`);
  expect(base.server.seen[0]?.path).toBe(`/api/models/${MODEL}/revision/v1`);
});

test("a cache that cannot be written is an error in words", async () => {
  const { server, home, options } = await hubOf(sentence);
  await using _ = server;
  await writeFile(join(home, "file"), "");
  await expect(locateModel(MODEL, { ...options, cacheDir: join(home, "file/hub") })).rejects.toMatchObject({
    code: "file",
    message: expect.stringMatching(/^the cache .*file\/hub cannot be written: ENOTDIR.*HF_HOME/),
  });
});
