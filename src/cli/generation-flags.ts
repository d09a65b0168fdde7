import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { optionKinds } from "../generation/index.ts";
import { type CommonFlags, parseIds } from "./terminal.ts";

/** What every command takes that generates: each generation option is a flag too. */
export interface GenerationFlags extends CommonFlags {
  readonly config?: string;
  readonly set?: string[];
}

export function addGenerationFlags(command: Command): void {
  command
    .option("--config <file>", "a generation_config.json")
    .option(
      "--set <key=value>",
      "any generation option, its value in JSON; may be repeated",
      (value, all: string[] = []) => [...all, value],
    );
  for (const [name, kind] of Object.entries(optionKinds)) {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (kind === "flag") command.option(flag);
    else if (kind === "texts")
      command.option(`${flag} <text>`, "may be repeated", (value, all: string[] = []) => [...all, value]);
    else if (isJson(kind)) command.option(`${flag} <json>`);
    else if (isText(kind)) command.option(`${flag} <text>`);
    else command.option(`${flag} <${kind === "ids" ? "ids" : kind === "id" ? "id" : "number"}>`);
  }
}

/** Flags over `--set` over `--config`. */
export async function readGenerationOptions(flags: GenerationFlags): Promise<Record<string, unknown>> {
  const options: Record<string, unknown> =
    flags.config === undefined ? {} : parseJson(`--config ${flags.config}`, await readConfig(flags.config));
  for (const entry of flags.set ?? []) {
    const at = entry.indexOf("=");
    if (at < 1) throw new LecternError("usage", `--set takes key=value; got ${entry}`);
    options[entry.slice(0, at)] = parseJson(`--set ${entry}`, entry.slice(at + 1)) as unknown;
  }
  for (const [name, kind] of Object.entries(optionKinds)) {
    const value = (flags as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (kind === "flag" || kind === "texts") options[name] = value;
    else if (isText(kind) || isWord(kind, value as string)) options[name] = value;
    else if (isJson(kind)) options[name] = parseJson(`--${name}`, value as string);
    else options[name] = kind === "ids" ? parseIds(value as string) : Number(value);
  }
  return options;
}

function isText(kind: string): boolean {
  return ["text", "schedule"].includes(kind);
}

/** A bare word where an option takes one or JSON: `--dola-layers high`, `--early-stopping never`. */
function isWord(kind: string, value: string): boolean {
  return (kind === "layers" || kind === "earlyStopping") && /^(low|high|never)$/.test(value);
}

/** Options whose flags take JSON, as `--set` does. */
function isJson(kind: string): boolean {
  return ["idLists", "biases", "bias", "decay", "earlyStopping", "layers", "words"].includes(kind);
}

async function readConfig(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause) => {
    throw new LecternError("file", `--config ${path} cannot be read: ${(cause as Error).message}`, { cause });
  });
}

function parseJson(what: string, text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new LecternError("usage", `${what}: the value is not JSON; a text needs quotes`, { cause });
  }
}
