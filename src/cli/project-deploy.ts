import { basename } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { Deployed, DeployOptions, DeployTarget, SmokeReport } from "../deploy/index.ts";
import type { Deployment, Project, Setup } from "../project/index.ts";
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
const precisions = ["float32", "int8", "int4", "auto"] as const;

/** `lectern project deploy --to TARGET --out DIRECTORY` */
export function addDeployCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  group
    .command("deploy")
    .description("Write a server or a page with the chosen model, start what was written, and measure it under load.")
    .requiredOption("--to <target>", "docker: a Dockerfile; node: a package with a systemd unit; static: a page")
    .requiredOption("--out <directory>", "the folder to write")
    .option("--model <model>", `${MODEL_ARGUMENT}; default the choice of lectern.project.json`)
    .option("--adapter <directory>", "a LoRA adapter that is merged into the model; default the choice's")
    .option(
      "--precision <kind>",
      "float32, int8, int4 or auto, in which the model is written; default the choice's, or float32",
    )
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
      const { project, setup, ...model } = choice;
      const deployed = await deploy({
        ...model,
        ...{ target, out: flags.out, signal, smoke: flags.smoke, tarball: flags.package },
        port: count("--port", flags.port),
        requests: count("--requests", flags.requests),
        concurrency: count("--concurrency", flags.concurrency),
      });
      if (project) await record(project, setup, { target, out: flags.out, ...loadOf(deployed) }, { terminal, signal });
      if (flags.json) printJson(terminal, deployed);
      else print(deployed, target, terminal);
      if (deployed.smoke && deployed.smoke.failures > 0) terminal.exitCode = 1;
    });
}

interface Context {
  readonly flags: ModelFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

type Choice = Pick<DeployOptions, "location" | "adapter" | "precision" | "name"> &
  ({ readonly project: Project; readonly setup: Setup } | { readonly project?: undefined; readonly setup?: undefined });

/** The model that the flags name, else that of the project file. */
async function choiceOf({ model, adapter, precision, name }: DeployFlags, context: Context): Promise<Choice> {
  const { locateSetup, readProject } = await import("../project/index.ts");
  const kind = precisions.find((each) => each === precision);
  if (precision !== undefined && !kind)
    throw new LecternError("usage", `--precision takes float32, int8, int4 or auto; got ${precision}`);
  if (model !== undefined) {
    const located = adapter === undefined ? undefined : await resolveModel(adapter, context);
    const own = { location: await resolveModel(model, context), adapter: located, precision: kind ?? "float32" };
    return { ...own, name: name ?? nameOf(model) };
  }
  const project = readProject();
  const { choice } = project.file;
  const setup = {
    ...choice,
    ...(adapter !== undefined && { adapter }),
    ...(kind !== undefined && { precision: kind }),
  };
  const located = await locateSetup(project, setup, context);
  if (located.model === undefined)
    throw new LecternError("usage", "deploy: the choice finds passages by their words, without a model: give --model");
  return {
    ...{ project, setup },
    ...{ location: located.model, adapter: located.adapter },
    precision: setup.precision ?? "float32",
    name: name ?? nameOf(choice.model),
  };
}

const loadOf = ({ smoke }: Deployed): Pick<Deployment, "requests" | "failures"> => ({
  requests: smoke?.requests ?? 0,
  failures: smoke?.failures ?? 0,
});

/** Records a deployment as evidence; where that fails, what was written is as good as before. */
async function record(
  project: Project,
  setup: Setup,
  deployment: Deployment,
  { terminal, signal }: Pick<Context, "terminal" | "signal">,
): Promise<void> {
  const { recordDeployment } = await import("../project/index.ts");
  try {
    await recordDeployment(project, setup, deployment, { signal });
  } catch (error) {
    if (!(error instanceof LecternError) || error.code === "abort") throw error;
    terminal.stderr.write(`lectern: this deployment is not in the project's status: ${error.message}\n`);
  }
}

/** The last part of a model's name, without what only paths have. */
const nameOf = (model: string): string =>
  basename(model)
    .replace(/\.gguf$/, "")
    .replaceAll(/[^\w.-]+/g, "-");

function print({ out, files, smoke, bytes }: Deployed, target: DeployTarget, terminal: Terminal): void {
  const size = bytes === undefined ? "" : `, ${(bytes / 1e6).toFixed(1)} MB`;
  terminal.stdout.write(`${out}: ${target === "static" ? `${files.length} files${size}` : files.join(", ")}\n`);
  if (smoke) terminal.stdout.write(smokeText(smoke));
  const next: Readonly<Record<DeployTarget, string>> = {
    docker: `LECTERN_API_KEYS=… docker compose --project-directory ${out} up --build`,
    node: `cd ${out} && npm install && npm start`,
    static: `copy ${out} to any static host`,
  };
  terminal.stdout.write(`next: ${next[target]}\n`);
}

function smokeText(smoke: SmokeReport): string {
  const { route, startSeconds, requests, concurrency, failures, medianMs, p95Ms, perSecond, peakMiB, exitCode } = smoke;
  const memory = peakMiB === undefined ? "" : `; peak memory ${peakMiB.toFixed(0)} MiB`;
  return [
    `started by node start.mjs, outside of a container: ready after ${startSeconds.toFixed(1)} s${memory}`,
    `${requests} requests to ${route} by ${concurrency} ${concurrency === 1 ? "client" : "clients"}: median ${medianMs.toFixed(0)} ms, 95 % within ${p95Ms.toFixed(0)} ms, ${perSecond.toFixed(1)} a second, ${failures} failed`,
    `SIGTERM: exit code ${exitCode}`,
    "",
  ].join("\n");
}
