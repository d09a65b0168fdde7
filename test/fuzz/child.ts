import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Random } from "../../src/common/index.ts";
import { Mutator } from "./mutate.ts";
import { type FromChild, seedOf, type ToChild } from "./protocol.ts";
import { targets } from "./targets/index.ts";

const send = (message: FromChild): void => void process.send?.(message);

/** What went wrong beside the case's own result. */
let stray: unknown;
process.on("unhandledRejection", (reason) => (stray ??= reason ?? new Error("rejected with nothing")));
process.on("uncaughtException", (error) => (stray ??= error));

/** What a case came to: undefined where it is a result or a failure in words. */
async function faultOf({ target, seed, folder }: ToChild, index: number): Promise<string | undefined> {
  const place = join(folder, String(index));
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { recursive: true });
  stray = undefined;
  try {
    await targets[target](new Mutator(new Random(seed, seedOf(target), index)), place);
  } catch (error) {
    if (!isExplained(error)) return described(error);
  }
  await nextTurn();
  if (stray !== undefined) return `unhandled: ${described(stray)}`;
  const left = (await readdir(place, { recursive: true })).find((name) => /\.(part|tmp)$/.test(name));
  return left === undefined ? undefined : `left ${left} behind`;
}

/** Whether an error is the product's own, and reads as one. */
function isExplained(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== "LecternError") return false;
  const words = error.message.replace(/"(?:[^"\\]|\\.)*"/g, ""); // without what it quotes
  return words.length < 10_000 && !/\[object Object\]/.test(words);
}

function described(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${JSON.stringify(error)}`;
  return `${error.stack ?? error.message}`.slice(0, 3000);
}

process.on("message", async (job: ToChild) => {
  for (let index = job.from; index < job.to; index++) {
    send({ begun: index });
    const fault = await faultOf(job, index);
    const { maxRSS } = process.resourceUsage();
    send({ done: index, fault, maxRSS });
    if (!job.keep) await rm(join(job.folder, String(index)), { recursive: true, force: true });
  }
  send({ ended: true });
});
send({ ready: true });
