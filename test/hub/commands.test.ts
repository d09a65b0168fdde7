import { copyFile, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { runCli } from "../../src/cli/run-cli.ts";
import { fixture, readJson } from "../helpers/fixtures.ts";
import { environment, hubOf, MODEL, repositoryFiles } from "../helpers/hub-cache.ts";
import { COMMIT, type HubFile, type HubServer, slowly } from "../helpers/hub-server.ts";

const card = { bytes: Buffer.from("---\nlicense: apache-2.0\n---\n# Tiny\n"), isLarge: false };

async function hub(): Promise<{ server: HubServer; home: string; cli: (...args: string[]) => ReturnType<typeof run> }> {
  const { server, home } = await hubOf({ ...(await repositoryFiles("gpt2")), "README.md": card });
  return { server, home, cli: (...args) => run(args, environment(server, home)) };
}

async function run(args: string[], env: Record<string, string>, isTTY = false) {
  let [out, err] = ["", ""];
  const code = await runCli(args, {
    stdin: Readable.from([""]),
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text), isTTY },
    env,
  });
  return { code, out, err };
}

test("lectern pull downloads a model and says where it is; every command then takes its name offline", async () => {
  const { server, home, cli } = await hub();
  await using _ = server;
  const pulled = await cli("pull", MODEL, "--json");
  expect(JSON.parse(pulled.out)).toEqual({
    model: MODEL,
    path: join(home, "hub/models--tiny--gpt2/snapshots", COMMIT),
  });
  expect(pulled).toMatchObject({ code: 0, err: "" }); // no terminal, no progress
  server.seen.length = 0;
  for (const args of [
    ["run", MODEL, "A", "--max-new-tokens", "2", "--json"],
    ["tokenize", MODEL, "the wolf"],
    ["forward", MODEL, "--text", "the wolf", "--out", join(home, "out.safetensors")],
    ["show", `${MODEL}@main`],
  ])
    expect((await cli(...args, "--offline")).code, args.join(" ")).toBe(0);
  expect(server.seen).toEqual([]);
  expect(await cli("run", MODEL, "A", "--revision", "v9")).toMatchObject({
    code: 1,
    out: "",
    err: expect.stringMatching(/^lectern: tiny\/gpt2 has no revision v9; the hub answered 404/),
  });
});

test("lectern show tells licence, size and parameters by part", async () => {
  const { server, cli } = await hub();
  await using _ = server;
  const { out } = await cli("show", MODEL, "--json");
  const facts = JSON.parse(out) as { parts: Record<string, number>; parameters: number; bytes: number };
  expect(facts).toMatchObject({ model: MODEL, family: "GPT-2", licence: "apache-2.0", contextWindow: 64 });
  expect(Object.keys(facts.parts)).toEqual(expect.arrayContaining(["transformer.wte", "transformer.h.*.attn"]));
  expect(Object.values(facts.parts).reduce((sum, count) => sum + count, 0)).toBe(facts.parameters);
  expect(facts.bytes).toBeGreaterThan(4 * facts.parameters);
  expect((await cli("show", MODEL)).out).toMatch(/^licence +apache-2\.0$/m);
});

test("lectern list names shipped and cached models, and lectern remove takes one out of the cache", async () => {
  const { server, home, cli } = await hub();
  await using _ = server;
  await cli("pull", MODEL);
  await cli("pull", MODEL, "--revision", "v1");
  type Listed = { name: string; source: string; bytes: number };
  const { models } = JSON.parse((await cli("list", "--json")).out) as { models: Listed[] };
  expect(models.map(({ name }) => name)).toEqual(expect.arrayContaining(["stories", MODEL]));
  const cached = models.filter(({ source }) => source === "cached");
  expect(cached.map(({ name }) => name)).toEqual([MODEL]);
  expect(cached[0]).toMatchObject({ source: "cached", revisions: [{ commit: COMMIT, refs: ["main", "v1"] }] });
  expect((await cli("list")).out).toMatch(/^tiny\/gpt2 +text-generation +\S+ [KM]B +apache-2\.0 +cached +main, v1$/m);
  expect((await cli("ls")).out).toBe((await cli("list")).out);

  expect(await cli("remove", "stories")).toMatchObject({
    code: 2,
    err: expect.stringMatching(/is bundled with the package/),
  });
  expect(await cli("rm", "tiny/gpt")).toMatchObject({
    code: 2,
    err: expect.stringMatching(/did you mean tiny\/gpt2/),
  });
  expect(await cli("remove", MODEL, "--revision", "v2")).toMatchObject({
    code: 2,
    err: expect.stringMatching(/it has main, v1/),
  });
  expect(JSON.parse((await cli("remove", MODEL, "--json")).out)).toEqual({
    model: MODEL,
    revision: null,
    freedBytes: cached[0]?.bytes,
  });
  expect(await readdir(join(home, "hub"))).toEqual([".locks", "CACHEDIR.TAG"]);
  expect(await cli("show", MODEL, "--offline")).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^lectern: offline/),
  });
});

test("lectern remove takes one revision, and what a broken-off download left", async () => {
  const { server, home, cli } = await hub();
  await using _ = server;
  await cli("pull", MODEL);
  const folder = join(home, "hub/models--tiny--gpt2");
  const other = "f".repeat(40);
  await mkdir(join(folder, "snapshots", other));
  await writeFile(join(folder, "blobs/own"), "1234567");
  await symlink("../../blobs/own", join(folder, "snapshots", other, "own.json"));
  await symlink(join("..", COMMIT, "config.json"), join(folder, "snapshots", other, "config.json"));
  const removed = await cli("remove", `${MODEL}@${other}`, "--json");
  expect(JSON.parse(removed.out)).toEqual({ model: `${MODEL}@${other}`, revision: other, freedBytes: 7 });
  expect((await cli("run", MODEL, "A", "--max-new-tokens", "1", "--offline")).code).toBe(0);

  await mkdir(join(home, "hub/models--a--b/blobs"), { recursive: true });
  await writeFile(join(home, "hub/models--a--b/blobs/x.lectern-0.incomplete"), "123");
  expect((await cli("list")).out).toMatch(/^a\/b +- +3 B +- +cached +incomplete$/m);
  expect((await cli("remove", "a/b")).out).toBe("a/b is removed: 3 B are free\n");
});

test("lectern show tells an adapter's own parameters beside its base's", async () => {
  const { server, home, cli } = await hub();
  await using _ = server;
  const from = fixture("training/lora/llama/adapter");
  const config = await readJson<Record<string, unknown>>(join(from, "adapter_config.json"));
  await copyFile(join(from, "adapter_model.safetensors"), join(home, "adapter_model.safetensors"));
  const base = { base_model_name_or_path: fixture("training/curves/llama") };
  await writeFile(join(home, "adapter_config.json"), JSON.stringify({ ...config, ...base }));
  const { out, err } = await cli("show", home, "--json");
  expect(err).toBe("");
  const { family, parts } = JSON.parse(out) as { family: string; parts: Record<string, number> };
  expect(family).toBe("LLaMA");
  expect(Object.keys(parts)).toEqual(expect.arrayContaining(["base_model.model.model.layers.*.self_attn"]));
});

test("on a terminal a line tells how far a download is, and goes when it is done", async () => {
  const { server, home } = await hub();
  await using _ = server;
  server.fault = slowly(server.files.get("model.safetensors") as HubFile); // so that the line is written again
  const { err } = await run(["pull", MODEL], environment(server, home), true);
  expect(err.replaceAll("\r\u001b[K", "|")).toMatch(/\|tiny\/gpt2 {2}\d+ % of \d+\.\d [KM]B {2}\S+\|/);
  expect(err.endsWith("\r\u001b[K")).toBe(true);
  expect((await run(["pull", MODEL, "--quiet"], environment(server, `${home}/other`), true)).err).toBe("");
});

test("a hub that is gone is warned of, and the cache is used", async () => {
  const { server, cli } = await hub();
  await cli("pull", MODEL);
  await server[Symbol.asyncDispose]();
  expect(await cli("pull", MODEL)).toMatchObject({
    code: 0,
    err: expect.stringMatching(/^lectern: the connection to .* failed: .*; using what the cache has of tiny\/gpt2\n$/),
  });
});
