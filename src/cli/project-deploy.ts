import { basename } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { Deployed, DeployTarget, SmokeReport } from "../deploy/index.ts";
import { MODEL_ARGUMENT, type ModelFlags, resolveModel } from "./models.ts";
import { count } from "./numbers.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface DeployFlags extends ModelFlags {
  readonly to: string;
  readonly out: string;
  readonly model?: string;
  readonly adapter?: string;
  readonly precision?: string;
  readonly name?: string;
  readonly port?: string;
  readonly package?: string;
  readonly requests?: string;
  readonly concurrency?: string;
  readonly smoke?: boolean;
}

const targets: readonly DeployTarget[] = ["docker", "node", "static"];
const precisions = ["float32", "int8", "int4"] as const;

/** `lectern project deploy --to TARGET --out DIRECTORY` */
export function addDeployCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  group
    .command("deploy")
    .description("Write a server or a page with the chosen model, start what was written, and measure it under load.")
    .requiredOption("--to <target>", "docker: a Dockerfile; node: a package with a systemd unit; static: a page")
    .requiredOption("--out <directory>", "the folder to write")
    .option("--model <model>", `${MODEL_ARGUMENT}; default the choice of lectern.project.json`)
    .option("--adapter <directory>", "a LoRA adapter that is merged into the model; default the choice's")
    .option("--precision <kind>", "float32, int8 or int4, in which the model is written; default the choice's, or float32")
    .option("--name <name>", "the model's name in requests; default that of its directory")
    .option("--port <n>", "the port of the server; default 8080")
    .option("--package <file>", "a tarball of Lectern that is installed in place of the registry's package")
    .option("--requests <n>", "requests of the load test; default 40")
    .option("--concurrency <n>", "clients of the load test at once; default 4")
    .option("--no-smoke", "do not start what was written")
    .action(async (flags: DeployFlags) => {
      const target = targets.find((each) => each === flags.to);
      if (!target) throw new LecternError("usage", `--to takes docker, node or static; got ${flags.to}`);
      const { deploy } = await import("../deploy/index.ts");
      const choice = await choiceOf(flags, { flags, terminal, signal });
      const deployed = await deploy({
        ...choice,
        ...{ target, out: flags.out, signal, smoke: flags.smoke, tarball: flags.package },
        port: count("--port", flags.port),
        requests: count("--requests", flags.requests),
        concurrency: count("--concurrency", flags.concurrency),
      });
      if (flags.json) printJson(terminal, deployed);
      else print(deployed, target, terminal);
      if (deployed.smoke && deployed.smoke.failures > 0) terminal.exitCode = 1;
    });
}
