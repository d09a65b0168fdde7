import { access, constants, readdir, readFile, stat, statfs } from "node:fs/promises";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { LecternError, VERSION } from "../common/index.ts";
import { packageRoot } from "../common/node.ts";
import { derivedFolder } from "../files/node.ts";
import { cachedModels, readSettings, shippedModels } from "../formats/hub/node.ts";
import { loadModel } from "../inference/index.ts";
import { checkDevice } from "../runtime/index.ts";
import { engineApiProblem, engineFiles } from "../runtime/node.ts";
import { coreCount, MOST_THREADS } from "./core-count.ts";
import { memoryBandwidth } from "./memory-bandwidth.ts";
import { ownInstructionSets } from "./processor.ts";
import type { Terminal } from "./terminal.ts";

interface Folder {
  readonly path: string;
  readonly bytes: number;
  /** Of its disk; null where that is not known. */
  readonly freeBytes: number | null;
}

/** A device that models can compute on. */
interface Device {
  readonly name: "cpu" | "webgpu";
  /** Null where it is there, else what is missing. */
  readonly problem: string | null;
}

/** The sizes of models, in bytes, whose ceilings are printed. */
const SIZES = [0.5e9, 1e9, 4e9];

/** Facts about an installation. */
interface Facts {
  readonly lectern: string;
  readonly node: string;
  /** The version of ONNX Runtime; null where it does not load. */
  readonly engine: string | null;
  readonly platform: string;
  readonly processor: string;
  /** Processors as the system counts them. */
  readonly cores: number;
  /** Processors that compute at once: those that share a core count once, as the engine counts them. */
  readonly threads: number;
  /** Null where the system does not report it. */
  readonly instructionSets: readonly string[] | null;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  /** The limit of the process's control group; null where there is none. */
  readonly memoryLimitBytes: number | null;
  /** The bytes that all threads read in a second; null where the engine does not load. */
  readonly memoryBandwidth: number | null;
  /** The tokens in a second that models of some sizes can decode at most: bandwidth over bytes. */
  readonly ceilings: readonly { readonly modelBytes: number; readonly tokensPerSecond: number }[] | null;
  /** The session: `in place` through the engine's C interface, or `copying` through its Node binding, and why. */
  readonly session: { readonly kind: "in place" | "copying"; readonly reason: string | null };
  readonly devices: readonly Device[];
  readonly shippedModels: readonly string[];
  /** Its address; null where the settings cannot be read. */
  readonly hub: string | null;
  readonly hasToken: boolean;
  readonly offline: boolean;
  readonly hubCache: Folder;
  readonly derivedCache: Folder;
}

/** Checks an installation: what is there, and in words what is wrong. */
export async function examine(env: Terminal["env"]): Promise<{ facts: Facts; problems: string[] }> {
  const problems: string[] = [];
  const engines = await supportedNode();
  if (!satisfies(process.versions.node, engines))
    problems.push(`Node ${process.versions.node} is outside the supported range ${engines}; install another`);
  const models = shippedModels();
  if (models.length === 0) problems.push("no bundled models are found; install lectern again");
  const engine = engineOrNull(problems);
  if (engine !== null && models.includes("stories")) await tryModel(problems);
  const memoryBandwidth = engine === null ? null : await bandwidthOrNull(problems);
  const settings = settingsOrNone(env, problems);
  const { cacheDir } = settings ?? readSettings({ env: withoutServer(env) });
  const derived = derivedFolder(env);
  for (const path of [cacheDir, derived]) await checkFolder(path, problems);
  const hubBytes = (await cachedModels(cacheDir)).reduce((sum, { bytes }) => sum + bytes, 0);
  const facts: Facts = {
    lectern: VERSION,
    node: process.version,
    engine,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() || "unknown",
    cores: cpus().length,
    threads: await coreCount(availableParallelism()),
    instructionSets: await ownInstructionSets(),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    memoryLimitBytes: memoryLimit(),
    memoryBandwidth,
    ceilings: memoryBandwidth === null ? null : ceilingsOf(memoryBandwidth),
    session: sessionFacts(),
    devices: [{ name: "cpu", problem: null }, await webGpu()],
    shippedModels: models,
    hub: settings?.endpoint ?? null,
    hasToken: settings?.token !== undefined,
    offline: settings?.offline ?? false,
    hubCache: await folderFacts(cacheDir, hubBytes),
    derivedCache: await folderFacts(derived, await filesBytes(derived)),
  };
  return { facts, problems };
}

function ceilingsOf(bandwidth: number): Facts["ceilings"] {
  return SIZES.map((modelBytes) => ({ modelBytes, tokensPerSecond: Number((bandwidth / modelBytes).toFixed(1)) }));
}

/** The memory that the process may take, where its control group has less than the machine. */
function memoryLimit(): number | null {
  const limit = process.constrainedMemory() ?? 0;
  return limit > 0 && limit < totalmem() ? limit : null;
}

async function bandwidthOrNull(problems: string[]): Promise<number | null> {
  try {
    return Math.round(await memoryBandwidth(Math.min(await coreCount(availableParallelism()), MOST_THREADS)));
  } catch (error) {
    if (!(error instanceof LecternError)) throw error;
    problems.push(`memory bandwidth cannot be measured: ${error.message}`);
    return null;
  }
}

function sessionFacts(): Facts["session"] {
  const reason = engineApiProblem();
  return reason === undefined ? { kind: "in place", reason: null } : { kind: "copying", reason };
}

async function webGpu(): Promise<Device> {
  try {
    await checkDevice("webgpu");
    return { name: "webgpu", problem: null };
  } catch (error) {
    if (!(error instanceof LecternError)) throw error;
    return { name: "webgpu", problem: error.message };
  }
}

/** The range of versions of Node that the package asks for. */
async function supportedNode(): Promise<string> {
  const text = await readFile(join(packageRoot(), "package.json"), "utf8");
  return (JSON.parse(text) as { engines: { node: string } }).engines.node;
}

function engineOrNull(problems: string[]): string | null {
  try {
    return engineFiles().version;
  } catch (error) {
    problems.push(`ONNX Runtime does not load: ${(error as Error).message}`);
    return null;
  }
}

/** Loads a shipped model and generates a token with it, as every command does. */
async function tryModel(problems: string[]): Promise<void> {
  try {
    await using model = await loadModel("stories");
    await model.generate({ prompt: "Once" }, { maxNewTokens: 1 });
  } catch (error) {
    if (!(error instanceof LecternError)) throw error;
    problems.push(`the model stories does not run: ${error.message}`);
  }
}

/** A folder that cannot be written, nor made where it is absent, is a problem. */
async function checkFolder(path: string, problems: string[]): Promise<void> {
  const place = await existing(path);
  if (!(await stat(place)).isDirectory()) {
    problems.push(`${path} is below a file; choose another with HF_HOME or LECTERN_CACHE`);
    return;
  }
  await access(place, constants.W_OK).catch(() => {
    problems.push(`${path} cannot be written; choose another with HF_HOME or LECTERN_CACHE`);
  });
}

/** A path, or the nearest folder above it that is there. */
async function existing(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found || dirname(path) === path ? path : existing(dirname(path));
}

async function folderFacts(path: string, bytes: number): Promise<Folder> {
  const disk = await statfs(await existing(path)).catch(() => undefined);
  return { path, bytes, freeBytes: disk && disk.blocks > 0 ? disk.bavail * disk.bsize : null };
}

async function filesBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder).catch(() => []))
    bytes += (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0;
  return bytes;
}

function settingsOrNone(env: Terminal["env"], problems: string[]): ReturnType<typeof readSettings> | undefined {
  try {
    return readSettings({ env });
  } catch (error) {
    if (!(error instanceof LecternError)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

/** The variables that say where the cache is, without those that say how the Hub is reached. */
function withoutServer({ HF_HOME, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, XDG_CACHE_HOME, HOME }: Terminal["env"]) {
  return { HF_HOME, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, XDG_CACHE_HOME, HOME, HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" };
}

/** Tests a version against a range of `>=A.B.C` and `^A.B.C` joined by `||`. */
export function satisfies(version: string, range: string): boolean {
  const numbers = (text: string): number[] => text.split(".").map(Number);
  const isFrom = (least: readonly number[]): boolean => {
    const have = numbers(version);
    const at = least.findIndex((part, i) => part !== have[i]);
    return at < 0 || (have[at] as number) > (least[at] as number);
  };
  return range.split("||").some((part) => {
    const [, sign, least = ""] = /^\s*(>=|\^)\s*([\d.]+)\s*$/.exec(part) ?? [];
    return isFrom(numbers(least)) && (sign === ">=" || numbers(version)[0] === numbers(least)[0]);
  });
}
