import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { isObject, LecternError, shown } from "../common/index.ts";
import { camelCase, type OptionEntry, optionNames, optionTable } from "../generation/index.ts";
import { type CommonFlags, parseIds } from "./terminal.ts";

/** The flags of every command that generates: each generation option is a flag too. */
export interface GenerationFlags extends CommonFlags {
  readonly config?: string;
  readonly set?: string[];
  readonly greedy?: boolean;
}

type OptionKind = OptionEntry["kind"];

/** The placeholder of a value in the help, by the type of an option; none for booleans. */
const placeholders: Partial<Record<OptionKind, string>> = {
  ids: "ids",
  id: "id",
  name: "model",
  stops: "text",
  schedule: "name",
  idLists: "json",
  biases: "json",
  bias: "json",
  decay: "json",
  earlyStopping: "json",
  layers: "json",
  words: "json",
};

const jsonKinds = new Set<OptionKind>(["idLists", "biases", "bias", "decay", "earlyStopping", "layers", "words"]);
const textKinds = new Set<OptionKind>(["name", "schedule"]);

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

const booleanFlags: ReadonlySet<string> = new Set(
  optionNames.filter((name) => optionTable[name].kind === "flag").map(flagOf),
);

export function addGenerationFlags(command: Command): void {
  const repeated = (value: string, all: string[] = []): string[] => [...all, value];
  command
    .option("--config <file>", "generation options of a file, as a generation_config.json has them")
    .option("--set <key=value>", "any generation option, its value in JSON; may be repeated", repeated)
    .option("--greedy", "take the most probable token each time; the same as --no-do-sample");
  for (const name of optionNames) {
    const { kind, help, default: usual } = optionTable[name];
    const flag = flagOf(name);
    const text = `${help.charAt(0).toLowerCase()}${help.slice(1)}`;
    if (kind === "flag") {
      command.option(flag, `${text}; default ${usual}; ${negated(flag)} sets it to false`);
      command.addOption(new Option(negated(flag)).hideHelp());
    } else if (kind === "stops")
      command.option(`${flag} <text>`, `${text}; may be repeated; default ${usual}`, repeated);
    else command.option(`${flag} <${placeholders[kind] ?? "number"}>`, `${text}; default ${usual}`);
  }
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (args) => parse(withoutBooleanValues(args));
}

const negated = (flag: string): string => flag.replace(/^--/, "--no-");

/** `--do-sample false` as `--no-do-sample`, `--do-sample true` as `--do-sample`: a flag of its own takes no value. */
function withoutBooleanValues(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  const result: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const [flag = "", inside] = (args[at] as string).split("=", 2);
    const isFlag = booleanFlags.has(flag) && (end < 0 || at < end);
    const value = inside ?? args[at + 1];
    if (!isFlag || (value !== "true" && value !== "false")) {
      result.push(args[at] as string);
      continue;
    }
    result.push(value === "true" ? flag : negated(flag));
    if (inside === undefined) at++;
  }
  return result;
}

/** Flags over `--set` over `--config`. */
export async function readGenerationOptions(flags: GenerationFlags): Promise<Record<string, unknown>> {
  const options: Record<string, unknown> = {};
  if (flags.config !== undefined) {
    const config = parseJson(`--config ${flags.config}`, await readConfig(flags.config));
    if (!isObject(config))
      throw new LecternError("usage", `--config ${flags.config} must hold an object; got ${shown(config)}`);
    Object.assign(options, config);
  }
  for (const entry of flags.set ?? []) {
    const at = entry.indexOf("=");
    if (at < 1) throw new LecternError("usage", `--set takes key=value; got ${entry}`);
    setOption(options, entry.slice(0, at), parseJson(`--set ${entry}`, entry.slice(at + 1)));
  }
  for (const name of optionNames) {
    const value = (flags as Record<string, unknown>)[name];
    if (value !== undefined) setOption(options, name, flagValue(name, value as string | boolean | string[]));
  }
  if (!flags.greedy) return options;
  if (options.doSample === true || options.do_sample === true)
    throw new LecternError("usage", "--greedy takes the most probable token and doSample draws: leave one out");
  setOption(options, "doSample", false);
  return options;
}

/** Sets an option in place of the same one under its other spelling. */
function setOption(options: Record<string, unknown>, name: string, value: unknown): void {
  for (const other of Object.keys(options)) if (camelCase(other) === camelCase(name)) delete options[other];
  options[name] = value;
}

function flagValue(name: keyof typeof optionTable, value: string | boolean | string[]): unknown {
  const { kind } = optionTable[name];
  if (typeof value !== "string" || textKinds.has(kind) || isWord(kind, value)) return value;
  if (jsonKinds.has(kind)) return parseJson(flagOf(name), value);
  if (kind === "ids") return value === "null" ? null : parseIds(value);
  const number = value.trim() === "" ? Number.NaN : Number(value);
  return Number.isNaN(number) ? value : number; // what is no number is refused as it was written
}

/** A bare word where an option takes one or JSON: `--dola-layers high`, `--early-stopping never`. */
function isWord(kind: OptionKind, value: string): boolean {
  return (kind === "layers" || kind === "earlyStopping") && /^(low|high|never)$/.test(value);
}

async function readConfig(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause) => {
    throw new LecternError("file", `--config ${path} cannot be read: ${(cause as Error).message}`, { cause });
  });
}

function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new LecternError("usage", `${what}: the value is not JSON; a text needs quotes`, { cause });
  }
}
