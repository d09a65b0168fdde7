import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { check, LecternError, shown, suggestion } from "../common/index.ts";
import type { Partials } from "../templates/index.ts";
import type { Prompt } from "./prompt.ts";
import { parsePrompt } from "./prompt-file.ts";

/** Prompts are files of this kind. */
const EXTENSION = ".prompt";

/** Files whose names begin so are partials. */
const PARTIAL = "_";

/** Larger files are no prompts. */
const LARGEST = 2 ** 20;

/** A prompt in a folder. */
export interface PromptEntry {
  /** The name without version. */
  readonly name: string;
  /** The version in the file's name, as in `sentiment@2.prompt`; undefined for `sentiment.prompt`. */
  readonly version: number | undefined;
  /** The path of the file: the folder, then the name of the file. */
  readonly path: string;
}

/** The prompts of a folder, by name and version. Files that begin with `_` are partials. */
export async function listPrompts(folder: string): Promise<PromptEntry[]> {
  const names = await namesIn(folder);
  return names
    .filter((name) => name.endsWith(EXTENSION) && !name.startsWith(PARTIAL))
    .map((file) => ({ ...nameOf(file), path: join(folder, file) }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : (a.version ?? 0) - (b.version ?? 0)));
}

/**
 * Reads a prompt: a file, or a name in a folder, such as `sentiment` (its newest version) or `sentiment@1`. It may include
 * the partials beside it: `{% include "header" %}` is `_header.prompt`.
 *
 * @param folder the folder that names are looked up in; default `prompts`
 */
export async function readPrompt(nameOrPath: string, folder = "prompts"): Promise<Prompt> {
  const path = await located(nameOrPath, folder);
  return parsePrompt(path, await textOf(path), await partialsIn(dirname(path)));
}

async function located(nameOrPath: string, folder: string): Promise<string> {
  if (nameOrPath.includes(sep) || nameOrPath.includes("/") || /\.\w+$/.test(nameOrPath)) return nameOrPath;
  const entries = await listPrompts(folder);
  const [, name = nameOrPath, version] = /^(.*?)(?:@(\d+))?$/.exec(nameOrPath) ?? [];
  const own = entries.filter((entry) => entry.name === name);
  const found =
    version === undefined
      ? (own.find((entry) => entry.version === undefined) ?? own.at(-1))
      : own.find((entry) => entry.version === Number(version));
  if (found) return found.path;
  const known = version === undefined || own.length === 0 ? entries.map((entry) => entry.name) : own.map(shownName);
  throw new LecternError(
    "usage",
    `there is no prompt ${shown(nameOrPath)} in ${folder}${suggestion(nameOrPath, new Set(known))}`,
  );
}

const shownName = ({ name, version }: PromptEntry): string => (version === undefined ? name : `${name}@${version}`);

function nameOf(file: string): { name: string; version: number | undefined } {
  const [, name = "", version] = /^(.*?)(?:@(\d+))?$/.exec(basename(file, EXTENSION)) ?? [];
  return { name, version: version === undefined ? undefined : Number(version) };
}

/** The partials in a folder by their names, without `_` and extension. */
async function partialsIn(folder: string): Promise<Partials> {
  const names = (await namesIn(folder)).filter((name) => name.startsWith(PARTIAL) && name.endsWith(EXTENSION));
  const home = await realpath(folder);
  const entries = await Promise.all(
    names.map(async (name) => {
      const path = await realpath(join(folder, name));
      check(
        dirname(path) === home,
        "file",
        () => `${join(folder, name)} leads out of its folder: partials lie beside the prompt`,
      );
      return [basename(name, EXTENSION).slice(PARTIAL.length), (await textOf(path)).replace(/\n$/, "")] as const;
    }),
  );
  return Object.fromEntries(entries);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    throw new LecternError("file", `cannot read the folder of prompts ${folder}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

async function textOf(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new LecternError("file", `cannot read the prompt ${path}: ${cause.message}`, { cause });
  });
  check(bytes.length <= LARGEST, "file", () => `${path} has ${bytes.length} bytes, and a prompt at most ${LARGEST}`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LecternError("file", `${path} is not UTF-8 text`, { cause });
  }
}
