import { type Command, Option } from "commander";
import { LecternError } from "../common/index.ts";
import type { CommonFlags, Terminal } from "./terminal.ts";

/** The present flag by an earlier one, as commander spells both. */
export type RenamedFlags = Readonly<Record<`--${string}`, `--${string}`>>;

/** Adds earlier names of flags that take a value, which the help does not list. */
export function addRenamedFlags(command: Command, renamed: RenamedFlags): Command {
  for (const earlier of Object.keys(renamed)) command.addOption(new Option(`${earlier} <value>`).hideHelp());
  return command;
}

/**
 * The flags by their present names, with one note of all that were given by earlier ones.
 * @throws where a flag is given by both names
 */
export function presentFlags<F extends CommonFlags>(given: F, renamed: RenamedFlags, terminal: Terminal): F {
  const values = new Map<string, unknown>(Object.entries(given));
  const changed: Record<string, unknown> = {};
  const found: string[] = [];
  for (const [earlier, present] of Object.entries(renamed)) {
    const [from, to] = [keyOf(earlier), keyOf(present)];
    if (!values.has(from)) continue;
    if (values.has(to))
      throw new LecternError("usage", `${earlier} and ${present} are one flag; give ${present} alone`);
    Object.assign(changed, { [to]: values.get(from), [from]: undefined });
    found.push(`${earlier} is now ${present}`);
  }
  if (found.length > 0) onRenamed(given, terminal)(`${found.join(", ")}; the next version rejects the earlier names`);
  return { ...given, ...changed };
}

/** Writes a note on renamed flags and settings. */
export function onRenamed({ quiet }: CommonFlags, terminal: Terminal): (note: string) => void {
  return (note) => {
    if (!quiet) terminal.stderr.write(`${note}\n`);
  };
}

const keyOf = (flag: string): string => new Option(flag).attributeName();
