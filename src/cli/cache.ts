import type { Command } from "commander";
import { bytesText } from "./download-progress.ts";
import { tableLines } from "./table.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface ClearFlags extends CommonFlags {
  readonly dryRun?: boolean;
}

/** `lectern cache list` and `lectern cache clear` */
export function cacheCommand(group: Command, terminal: Terminal): void {
  group
    .command("list")
    .description("List derived weights, unfinished files and unfinished downloads, with their sizes.")
    .action(async (flags: CommonFlags) => {
      const { cacheEntries, derivedDirectory } = await import("./cache-entries.ts");
      const entries = await cacheEntries(terminal.env);
      const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
      if (flags.json) return printJson(terminal, { folder: derivedDirectory(terminal.env), bytes, entries });
      if (entries.length === 0) return void terminal.stdout.write("the cache is empty\n");
      const rows = entries.map(({ kind, bytes, inUse, modified, path }) => [
        kind,
        bytesText(bytes),
        modified.slice(0, 10),
        `${path}${inUse ? " (in use)" : ""}`,
      ]);
      const table = tableLines([["KIND", "SIZE", "CHANGED", "PATH"], ...rows], [1]);
      terminal.stdout.write(`${table.join("\n")}\n${bytesText(bytes)} in all\n`);
    });
  group
    .command("clear")
    .description("Remove them; derived weights are made again when needed. Files in use and models stay.")
    .option("--dry-run", "only list what would be removed")
    .action(async (flags: ClearFlags) => {
      const { cacheEntries, removeEntries } = await import("./cache-entries.ts");
      const entries = (await cacheEntries(terminal.env)).filter(({ inUse }) => !inUse);
      const removed = flags.dryRun ? entries : await removeEntries(entries);
      const bytes = removed.reduce((sum, entry) => sum + entry.bytes, 0);
      const paths = removed.map(({ path }) => path);
      if (flags.json) return printJson(terminal, { dryRun: flags.dryRun === true, freedBytes: bytes, removed: paths });
      if (!flags.quiet) for (const path of paths) terminal.stdout.write(`${path}\n`);
      const what = `${paths.length} ${paths.length === 1 ? "file" : "files"}, ${bytesText(bytes)}`;
      terminal.stdout.write(flags.dryRun ? `would remove ${what}\n` : `removed ${what}\n`);
    });
}
