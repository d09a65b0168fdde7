#!/usr/bin/env node
import { runCli } from "./run-cli.ts";

// Whoever reads has enough, as `| head` does: nothing is left to say to it.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.exitCode = await runCli(process.argv.slice(2), process);
