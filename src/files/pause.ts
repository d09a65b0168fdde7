import { setTimeout as sleep } from "node:timers/promises";
import { LecternError } from "../common/index.ts";

/** Waits; throws code `abort` as soon as the signal fires. */
export async function pause(wait: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(wait, undefined, { signal }).catch((cause) => {
    throw new LecternError("abort", "cancelled by the caller", { cause });
  });
}
