import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { addProjectFlags, measuring, type ProjectFlags } from "./project-flags.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface CardFlags extends ProjectFlags {
  readonly out?: string;
  readonly force?: boolean;
}

/** `lectern project card` */
export function addProjectCardCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  const command = group
    .command("card")
    .description("Write the model card of the choice, README.md with the Hub's metadata, filled from evidence.")
    .option("--out <file>", "write it there; default standard output")
    .option("--force", "replace a file that is there");
  addProjectFlags(command).action(async (flags: CardFlags) => {
    const { projectCard, readProject } = await import("./lazy/project.ts");
    const { checkWritable, writeFileAtomic } = await import("../files/node.ts");
    const { out } = flags;
    if (out !== undefined) {
      if (existsSync(out) && !flags.force)
        throw new LecternError("usage", `card: ${out} is there already; --force replaces it`);
      await checkWritable(dirname(out));
    }
    const text = await projectCard(readProject(flags.project), measuring({ flags, terminal, signal }));
    if (out !== undefined) await writeFileAtomic(out, text);
    if (flags.json) printJson(terminal, { text, ...(out !== undefined && { path: out }) });
    else if (out === undefined) terminal.stdout.write(text);
    else if (!flags.quiet) terminal.stderr.write(`written: ${out}\n`);
  });
}
