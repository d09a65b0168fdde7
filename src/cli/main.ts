#!/usr/bin/env node
import { VERSION } from "../common/version.ts";
import { commands } from "./commands.ts";

// Whoever reads has enough, as `| head` does: nothing is left to say to it.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

/** Runs the command line. Modules are loaded when they are needed, the worker that computes first. */
async function main([name = "", ...rest]: readonly string[]): Promise<number> {
  if (name === "--version" && rest.length === 0) {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const isHelp = rest.includes("--help") || rest.includes("-h");
  if (!isHelp && Object.hasOwn(commands, name) && commands[name]?.computes) {
    const { prepareWorker } = await import("../model/worker-thread-node.ts");
    prepareWorker();
  }
  const { runCli } = await import("./run-cli.ts");
  return runCli(process.argv.slice(2), process);
}

process.exitCode = await main(process.argv.slice(2));
