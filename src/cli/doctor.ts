import { cpus, totalmem } from "node:os";
import type { Command } from "commander";
import { shippedModels } from "../formats/hub/shipped-node.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

/** `lectern doctor` */
export function doctorCommand(root: Command, terminal: Terminal): Command {
  return root
    .command("doctor")
    .description("Tell what this machine can do.")
    .action((flags: CommonFlags) => {
      const facts = {
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        processor: cpus()[0]?.model ?? "unknown",
        cores: cpus().length,
        memoryGiB: Math.round(totalmem() / 2 ** 30),
        shippedModels: shippedModels(),
      };
      if (flags.json) printJson(terminal, facts);
      else for (const [key, value] of Object.entries(facts)) terminal.stdout.write(`${key}\t${value}\n`);
    });
}
