import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { Random } from "../../src/common/index.ts";
import { locateModel } from "../../src/formats/index.ts";
import { environment, hubOf, MODEL, noise } from "../helpers/hub-cache.ts";
import { etagOf, type HubFile, halfway, slowly } from "../helpers/hub-server.ts";

vi.setConfig({ testTimeout: 600_000 }); // many processes, and a machine may be busy

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const run = promisify(execFile);

const SIZE = 1_000_003;
const weights: HubFile = { bytes: noise(SIZE), isLarge: true };
const files: Readonly<Record<string, HubFile>> = {
  "config.json": { bytes: Buffer.from("{}"), isLarge: false },
  "model.safetensors": weights,
};

async function expectWhole(home: string): Promise<void> {
  const blobs = join(home, "hub/models--tiny--gpt2/blobs");
  expect((await readdir(blobs)).sort()).toEqual(Object.values(files).map(etagOf).sort());
  expect(weights.bytes.equals(await readFile(join(blobs, etagOf(weights))))).toBe(true);
}

describe.skipIf(!existsSync(main))("lectern pull (skipped until `npm run build` has run)", () => {
  test("in four processes at once downloads each file once, and all find it whole", async () => {
    const { server, home } = await hubOf(files);
    await using _ = server;
    server.fault = slowly(weights);
    const env = { ...process.env, ...environment(server, home) };
    const all = await Promise.all(
      Array.from({ length: 4 }, () => run(process.execPath, [main, "pull", MODEL, "--json"], { env })),
    );
    const paths = all.map(({ stdout }) => (JSON.parse(stdout) as { path: string }).path);
    expect(new Set(paths).size).toBe(1);
    expect(server.downloads("model.safetensors").filter(({ place }) => place === "cdn")).toHaveLength(1);
    await expectWhole(home);
  });

  test("killed with a part on the disk goes on from there", async () => {
    const { server, home } = await hubOf(files);
    await using _ = server;
    server.fault = halfway(weights);
    const env = { ...process.env, ...environment(server, home) };
    const child = spawn(process.execPath, [main, "pull", MODEL], { env, stdio: "ignore" });
    await until(async () => (await sizeOfPart(home)) === SIZE >> 1 || ended(child));
    child.kill("SIGKILL");
    await until(() => ended(child));
    server.fault = () => false;
    await run(process.execPath, [main, "pull", MODEL], { env });
    await expectWhole(home);
    const fromCdn = server.downloads("model.safetensors").filter(({ place }) => place === "cdn");
    expect(fromCdn.map(({ range }) => range)).toEqual([undefined, `bytes=${SIZE >> 1}-`]);
  });

  test("killed again and again at random moments gets there, and never takes a part for the whole", async () => {
    const { server, home, options } = await hubOf(files);
    await using _ = server;
    server.fault = slowly(weights);
    const env = { ...process.env, ...environment(server, home) };
    const random = new Random(Date.now());
    for (let kill = 0; kill < 5; kill++) {
      const seen = server.seen.length;
      const child = spawn(process.execPath, [main, "pull", MODEL], { env, stdio: "ignore" });
      await until(() => server.seen.slice(seen).some(({ place }) => place === "cdn") || ended(child));
      await new Promise((resolve) => setTimeout(resolve, 400 * random.next()));
      child.kill("SIGKILL");
      await until(() => ended(child));
      const blob = join(home, "hub/models--tiny--gpt2/blobs", etagOf(weights));
      if (existsSync(blob)) expect((await stat(blob)).size).toBe(SIZE);
      else await expect(locateModel(MODEL, { ...options, offline: true })).rejects.toMatchObject({ code: "hub" });
    }
    await run(process.execPath, [main, "pull", MODEL], { env });
    await expectWhole(home);
  });

  test("on a full disk says so, keeps nothing that could be taken for whole, and goes on when there is room", async () => {
    const { server, home } = await hubOf(files);
    await using _ = server;
    const env = { ...process.env, ...environment(server, home) };
    const limit = `ulimit -f ${Math.floor(SIZE / 1024 / 2)}; exec "$0" "$1" pull ${MODEL}`; // half of it fits
    const failed = await run("bash", ["-c", limit, process.execPath, main], { env }).then(
      () => undefined,
      (error: { code: number; stderr: string; stdout: string }) => error,
    );
    expect(failed).toMatchObject({ code: 1, stdout: "" });
    expect(failed?.stderr).toMatch(/^lectern: the disk is full: model\.safetensors of 1\.0 MB cannot be written/);
    expect(existsSync(join(home, "hub/models--tiny--gpt2/blobs", etagOf(weights)))).toBe(false);
    expect(existsSync(join(home, "hub/models--tiny--gpt2/refs"))).toBe(false);
    await run(process.execPath, [main, "pull", MODEL], { env });
    await expectWhole(home);
    expect(server.downloads("model.safetensors").at(-1)?.range).toMatch(/^bytes=\d{6}-$/);
  });
});

test("the lock of a process that is gone is taken over at once", async () => {
  const { server, home, options } = await hubOf(files);
  await using _ = server;
  const child = spawn(process.execPath, ["--eval", ""]);
  await until(() => ended(child));
  const locks = join(home, "hub/.locks/models--tiny--gpt2");
  await mkdir(locks, { recursive: true });
  const lock = join(locks, `${etagOf(weights)}.lectern.lock`);
  await writeFile(lock, JSON.stringify({ host: hostname(), pid: child.pid, mark: "gone" }));
  await locateModel(MODEL, options);
  await expectWhole(home);
  expect(await readdir(locks)).toEqual([]);
});

const hasFlock = process.platform === "linux" && existsSync("/usr/bin/flock") && existsSync("/proc/locks");

test.skipIf(!hasFlock)(
  "a download waits while Python holds its lock on the same file (skipped without Linux's flock)",
  async () => {
    const { server, home, options } = await hubOf(files);
    await using _ = server;
    const locks = join(home, "hub/.locks/models--tiny--gpt2");
    await mkdir(locks, { recursive: true });
    const lock = join(locks, `${etagOf(weights)}.lock`);
    const holder = spawn("/usr/bin/flock", [lock, "sh", "-c", "echo held; read line"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    const located = locateModel(MODEL, options);
    await until(() => existsSync(join(home, "hub/models--tiny--gpt2/blobs", etagOf(files["config.json"] as HubFile))));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(server.downloads("model.safetensors")).toEqual([]);
    holder.stdin.end("\n");
    await located;
    await expectWhole(home);
  },
);

function ended(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** How much of the weights lies in the cache as a part; 0 where nothing does. */
async function sizeOfPart(home: string): Promise<number> {
  const blobs = join(home, "hub/models--tiny--gpt2/blobs");
  const names = await readdir(blobs).catch(() => []);
  const part = names.find((name) => name.startsWith(etagOf(weights)));
  return part === undefined ? 0 : (await stat(join(blobs, part))).size;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
