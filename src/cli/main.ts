#!/usr/bin/env node
import { prepareWorker } from "../model/worker-thread-node.ts";
import { commands } from "./commands.ts";

// Whoever reads has enough, as `| head` does: nothing is left to say to it.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

const args = process.argv.slice(2);
const isHelp = args.includes("--help") || args.includes("-h");
if (!isHelp && Object.hasOwn(commands, args[0] ?? "") && commands[args[0] as string]?.computes) prepareWorker();

const { runCli } = await import("./run-cli.ts"); // while the worker starts
process.exitCode = await runCli(args, process);
