#!/usr/bin/env node
import { VERSION } from "../common/index.ts";
import { commands } from "./commands.ts";

// A reader that has enough, as `| head` does, ends the program quietly; any other failure to write is reported.
process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
  if (code === "EPIPE") process.exit(0);
  process.stderr.write(`lectern: standard output cannot be written: ${message}\n`, () => process.exit(1));
});

/** Runs the command line. Modules are loaded when they are needed, the worker that computes first. */
async function main([name = "", ...rest]: readonly string[]): Promise<number> {
  if (name === "--version" && rest.length === 0) {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const isHelp = rest.includes("--help") || rest.includes("-h");
  if (!isHelp && Object.hasOwn(commands, name) && commands[name]?.computes) {
    const { prepareWorker } = await import("../inference/host/node.ts");
    prepareWorker();
  }
  const { runCli } = await import("./run-cli.ts");
  return runCli(process.argv.slice(2), process);
}

process.exitCode = await main(process.argv.slice(2));
