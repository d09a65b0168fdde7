import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { check, LecternError } from "../common/index.ts";
import { shippedModel, shippedModels } from "../formats/hub/node.ts";
import type { LoadOptions } from "../inference/index.ts";
import { type ServedModel, type Server, serve } from "../server/index.ts";
import { type CommandContext, resolveModel } from "./models.ts";
import { count, number } from "./numbers.ts";
import type { ServeFlags } from "./serve.ts";

type Context = CommandContext & { readonly flags: ServeFlags };
type ModelsContext = CommandContext & {
  readonly flags: Pick<ServeFlags, "adapter" | "pin" | "precision" | "device" | "threads" | "force">;
};

const MIB = 2 ** 20;

/** Serves models until the process receives SIGINT or SIGTERM. */
export async function serveModels(names: readonly string[], context: Context): Promise<void> {
  const { flags, terminal } = context;
  const apiKeys = await readKeys(context);
  const host = flags.host ?? "127.0.0.1";
  const server = await serve({
    models: await modelsOf(names, context),
    host,
    port: portOf(flags.port),
    apiKeys,
    corsOrigins: flags.corsOrigin ?? [],
    allowedHosts: flags.allowedHost ?? [],
    feedback: flags.feedback,
    ...numbersOf(flags),
    onLog: (entry) => {
      if (!flags.quiet || entry.level === "error") terminal.stderr.write(`${JSON.stringify(entry)}\n`);
    },
  });
  const isOpen = apiKeys.length === 0 && !/^(127\.|localhost$|::1$)/.test(host);
  if (isOpen)
    terminal.stderr.write(
      `lectern: WARNING: ${host} is reached by other machines, and no API key is set: anybody there can use these models; give --api-key-file\n`,
    );
  const stopped = ended(context.signal); // before others learn that the server is there, and may end it
  announce(server, apiKeys.length > 0, context);
  await stopped;
  terminal.stderr.write("lectern: the server stops; running requests get time to end\n");
  await server.close();
}

/** Prints the address: first a line to paste, then the models. */
function announce({ url, models }: Server, hasKeys: boolean, { flags, terminal }: Context): void {
  if (flags.json) {
    terminal.stdout.write(`${JSON.stringify({ url, models })}\n`);
    return;
  }
  const key = hasKeys ? "YOUR-KEY" : "none";
  const paste = `export OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=${key}`;
  terminal.stdout.write(`${paste}\nmodels: ${models.join(", ")}; interface: ${url}/openapi.json\n`);
}

/** Resolves on Ctrl-C and on SIGTERM. */
export function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const onTerm = (): void => done();
    const done = (): void => {
      process.off("SIGTERM", onTerm);
      resolve();
    };
    process.once("SIGTERM", onTerm);
    if (signal.aborted) done();
    signal.addEventListener("abort", done, { once: true });
  });
}

async function readKeys({ flags, terminal }: Context): Promise<string[]> {
  const listed = (terminal.env.LECTERN_API_KEYS ?? "").split(",");
  let stored: string[] = [];
  if (flags.apiKeyFile !== undefined)
    try {
      stored = (await readFile(flags.apiKeyFile, "utf8")).split("\n");
    } catch (cause) {
      throw new LecternError("file", `--api-key-file: ${flags.apiKeyFile} cannot be read`, { cause });
    }
  const keys = [...listed, ...stored].map((key) => key.trim()).filter((key) => key !== "" && !key.startsWith("#"));
  check(
    flags.apiKeyFile === undefined || keys.length > 0,
    "usage",
    () => `--api-key-file: ${flags.apiKeyFile} holds no key`,
  );
  return keys;
}

function portOf(text: string | undefined): number | undefined {
  const port = number("--port", text, "a whole number from 0");
  check(port === undefined || port < 2 ** 16, "usage", () => `--port takes a number below ${2 ** 16}; got ${text}`);
  return port;
}

function numbersOf(
  flags: ServeFlags,
): Pick<Parameters<typeof serve>[0], "limits" | "modelBytes" | "idleSeconds" | "drainSeconds"> {
  const memory = count("--model-memory", flags.modelMemory);
  const body = count("--max-body", flags.maxBody);
  const limits = {
    sequences: count("--max-sequences", flags.maxSequences),
    requests: count("--max-requests", flags.maxRequests),
    newTokens: count("--max-tokens", flags.maxTokens),
    bodyBytes: body === undefined ? undefined : body * MIB,
    seconds: number("--timeout", flags.timeout, "a number above 0"),
  };
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  return {
    limits: given,
    modelBytes: memory === undefined ? undefined : memory * MIB,
    idleSeconds: number("--idle", flags.idle, "a number above 0"),
    drainSeconds: number("--drain", flags.drain, "a number above 0"),
  };
}

/** The models to serve, with their adapters; each is located at once, so that a wrong name ends the command. */
export async function modelsOf(names: readonly string[], context: ModelsContext): Promise<ServedModel[]> {
  const { flags } = context;
  const adapters = await adaptersOf(flags.adapter ?? [], context);
  const load: LoadOptions = {
    precision: flags.precision as LoadOptions["precision"],
    device: flags.device as LoadOptions["device"],
    threads: count("--threads", flags.threads),
    force: flags.force,
  };
  const given = names.length > 0 ? names : shippedModels();
  const models: ServedModel[] = [];
  for (const text of given) {
    const { name, model } = named(text);
    const own = adapters.get(name);
    adapters.delete(name);
    const location = await resolveModel(model, context);
    models.push({ name, location, pinned: flags.pin?.includes(name), adapters: own && Object.fromEntries(own), load });
  }
  const known = models.map(({ name }) => name);
  const [stray] = [...adapters.keys(), ...(flags.pin ?? [])].filter((name) => !known.includes(name));
  check(stray === undefined, "usage", () => `serve: ${stray} is none of the models ${known.join(", ")}`);
  return models;
}

/** The name that requests give, and the model: `NAME=MODEL`, or a model whose directory names it. */
function named(text: string): { readonly name: string; readonly model: string } {
  const at = text.indexOf("=");
  if (at > 0) return { name: text.slice(0, at), model: text.slice(at + 1) };
  const isName = shippedModel(text) !== undefined || /^[\w.-]+\/[\w.-]+(@[\w./-]+)?$/.test(text);
  return { name: isName && !text.startsWith(".") ? text : basename(text), model: text };
}

async function adaptersOf(
  texts: readonly string[],
  context: CommandContext,
): Promise<Map<string, Map<string, string>>> {
  const byModel = new Map<string, Map<string, string>>();
  for (const text of texts) {
    const [, model, name, directory] = /^(.+):([^:=]+)=(.+)$/.exec(text) ?? [];
    if (!model || !name || !directory)
      throw new LecternError("usage", `--adapter takes MODEL:NAME=DIRECTORY; got ${text}`);
    const own = byModel.get(model) ?? new Map<string, string>();
    check(!own.has(name), "usage", () => `--adapter: ${model}:${name} was given twice`);
    byModel.set(model, own.set(name, await resolveModel(directory, context)));
  }
  return byModel;
}
