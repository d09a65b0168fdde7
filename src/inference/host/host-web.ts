import { filesAt, isInMemory, writeMemory } from "../../files/web.ts";
import { Channel, type Handler } from "../../runtime/index.ts";
import { pagePort, prepareEngine, workerPort } from "../../runtime/web.ts";
import { LocalModel } from "../local-model.ts";
import { serveModel } from "../serve-model.ts";
import { connect, type ModelHost, type ModelSource } from "./host.ts";

/** The one file of the web build is also its worker's: it knows by this name that it is the worker. */
const WORKER_NAME = "lectern-model";

/** The place in which a page leaves a worker that it started while this file was loading; the first model is opened in it. */
interface StartedWorker {
  lecternWorker?: Worker | undefined;
}

function takeWorker(): Worker {
  const page = globalThis as StartedWorker;
  const started = page.lecternWorker;
  page.lecternWorker = undefined;
  return started ?? new Worker(new URL("./lectern.js", import.meta.url), { type: "module", name: WORKER_NAME });
}

type Files = Readonly<Record<string, Uint8Array>>;

/** Computes in a Web Worker, to which the files of the page's memory are sent. */
export async function openHost(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  const worker = takeWorker();
  const channel = new Channel(workerPort(worker));
  worker.addEventListener("error", ({ message }) =>
    channel.close(`the worker that computes the model failed: ${message || "it could not be started"}`),
  );
  const send = async (location: string | undefined): Promise<void> => {
    if (location !== undefined && isInMemory(location)) await channel.call("takeFiles", filesAt(location));
  };
  const stop = async (): Promise<void> => worker.terminate();
  try {
    await send(source.location);
    await send(source.base);
  } catch (error) {
    await stop();
    throw error;
  }
  const host = await connect({ source, channel, signal }, stop);
  return {
    ...host,
    async generate(request, hooks) {
      await send(request.options.assistantModel);
      return host.generate(request, hooks);
    },
    async addAdapter(name, location) {
      await send(location);
      return host.addAdapter(name, location);
    },
  };
}

/** Computes in the page's own thread. */
export function openHere(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  return LocalModel.open(source, signal);
}

const scope = globalThis as { name?: string };
if (scope.name === WORKER_NAME && !("document" in scope)) {
  const takeFiles = async (files: Files): Promise<void> => {
    for (const [path, bytes] of Object.entries(files)) writeMemory(path, bytes);
  };
  prepareEngine();
  serveModel(pagePort(), { takeFiles } as Readonly<Record<string, Handler>>);
}
