import { once } from "node:events";
import type { Command } from "commander";
import { check, LecternError } from "../common/index.ts";
import { shippedModels } from "../formats/hub/node.ts";
import type { LoadOptions, Model } from "../inference/index.ts";
import { DEVICE_OPTION, MODEL_ARGUMENT, type ModelFlags, openModel } from "./models.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface StudioFlags extends ModelFlags {
  readonly port?: string;
  readonly host?: string;
  readonly precision?: string;
}

const precisions: readonly string[] = ["float32", "int8", "int4", "auto"];
const LOOPBACK = /^(127(\.\d+){3}|localhost|::1)$/;

/** `lectern studio MODEL …` */
export function studioCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .argument("[model...]", `models to look into: ${MODEL_ARGUMENT}; default: the bundled models`)
    .option("--port <n>", "the port; default one that is free")
    .option("--host <address>", "the address to listen on; default 127.0.0.1, which only this machine reaches")
    .option("--precision <kind,…>", "float32, int8, int4 or auto; several load each model in each, to compare them")
    .option(...DEVICE_OPTION)
    .option("--base <model>", "the base model of an adapter's directory, in place of the one it names")
    .option("--force", "accept a tokenizer that does not belong to the model")
    .action(async (names: readonly string[], flags: StudioFlags) => {
      const port = parsePort(flags.port);
      const kinds = parsePrecisions(flags.precision);
      const models = new Map<string, Model>();
      try {
        for (const name of names.length > 0 ? names : shippedModels())
          for (const precision of kinds) {
            const title = kinds.length > 1 ? `${name} (${precision})` : name;
            models.set(title, await openModel(name, { flags, terminal, signal }, precision ? { precision } : {}));
          }
        await serve(models, { port, host: flags.host, terminal, signal, flags });
      } finally {
        for (const model of models.values()) await model.dispose();
      }
    });
}

interface Serving {
  readonly port: number;
  readonly host: string | undefined;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly flags: StudioFlags;
}

/** Serves until the command is interrupted. */
async function serve(models: ReadonlyMap<string, Model>, options: Serving): Promise<void> {
  const { port, host = "127.0.0.1", terminal, signal, flags } = options;
  const { serveStudio } = await import("../studio/node.ts");
  const server = await serveStudio({ models, port, host });
  if (flags.json) printJson(terminal, { url: server.url, models: [...models.keys()] });
  else terminal.stdout.write(`${server.url}\n`);
  if (!flags.quiet && !LOOPBACK.test(host))
    terminal.stderr.write(`lectern: ${host} may be reached from other machines; the studio asks for no password\n`);
  if (!flags.quiet) terminal.stderr.write("Open the address in a browser. Ctrl-C ends the studio.\n");
  if (!signal.aborted) await once(signal, "abort");
  await server.close();
}

function parsePort(text = "0"): number {
  const port = Number(text);
  const fits = /^\d+$/.test(text) && port <= 65535;
  check(fits, "usage", () => `--port must be a whole number from 0 to 65535; got ${text}`);
  return port;
}

function parsePrecisions(text: string | undefined): readonly LoadOptions["precision"][] {
  if (text === undefined) return [undefined];
  const kinds = text.split(",");
  const unknown = kinds.find((kind) => !precisions.includes(kind));
  if (unknown !== undefined)
    throw new LecternError("usage", `--precision must be of ${precisions.join(", ")}; got ${unknown}`);
  return kinds as LoadOptions["precision"][];
}
