import { LecternError } from "../../common/index.ts";
import { joinPath, withOnlyLock } from "../../files/index.ts";
import { filesAt, isInMemory, writeMemory } from "../../files/web.ts";
import { Channel, type Handler } from "../../runtime/index.ts";
import { pagePort, workerPort } from "../../runtime/web.ts";
import { type Places, type TrainingHost, workerHost } from "./host.ts";
import { host as local } from "./host-in-process.ts";
import { serveTraining } from "./serve-training.ts";

/** The file of the web build is also its worker's: it knows by this name that it is the worker. */
const WORKER_NAME = "lectern-training";

type Files = Readonly<Record<string, Uint8Array>>;

/** Trains in a Web Worker, to which the files of the page's memory are sent, and from which those it wrote come back. */
export const host: TrainingHost = workerHost(within, local);

async function within<T>(places: Places, use: (channel: Channel) => Promise<T>): Promise<T> {
  const { writes } = places;
  if (writes === undefined) return inWorker(places, use);
  const message = `${writes}: this page is writing there; wait for it, or choose another directory`;
  const refusal = (): LecternError => new LecternError("usage", message);
  return withOnlyLock(joinPath(writes, "worker.lock"), refusal, () => inWorker(places, use));
}

async function inWorker<T>({ reads, writes }: Places, use: (channel: Channel) => Promise<T>): Promise<T> {
  const worker = new Worker(new URL("./training.js", import.meta.url), { type: "module", name: WORKER_NAME });
  const channel = new Channel(workerPort(worker));
  worker.addEventListener("error", ({ message }) =>
    channel.close(`the worker that trains failed: ${message || "it could not be started"}`),
  );
  const inMemory = reads.filter((place) => place !== undefined && isInMemory(place)) as readonly string[];
  try {
    await channel.call("takeFiles", Object.assign({}, ...inMemory.map(filesAt)));
    return await use(channel);
  } finally {
    if (writes !== undefined) await collect(channel, writes);
    worker.terminate();
  }
}

/** Keeps in the page what the worker wrote, also where it was cancelled; a worker that failed has nothing to give. */
async function collect(channel: Channel, directory: string): Promise<void> {
  const files = await channel.call<Files>("giveFiles", directory).catch((): Files => ({}));
  keep(files);
}

function keep(files: Files): void {
  for (const [path, bytes] of Object.entries(files)) writeMemory(path, bytes);
}

const scope = globalThis as { name?: string };
if (scope.name === WORKER_NAME && !("document" in scope)) {
  const handlers = {
    takeFiles: async (files: Files) => keep(files),
    giveFiles: async (directory: string) => filesAt(directory),
  };
  serveTraining(pagePort(), handlers as Readonly<Record<string, Handler>>);
}
