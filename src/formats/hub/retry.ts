import { pause } from "../../files/node.ts";
import { HubFailure } from "./failure.ts";

/** In milliseconds; doubled after each try. */
const FIRST_WAIT = 300;
const LONGEST_WAIT = 8_000;
/** A hub that asks for more patience than this is believed, and the wait left to the caller. */
const LONGEST_ASKED = 60_000;
/** A host that cannot be reached at all is asked no more often than this. */
const TRIES_UNREACHED = 3;

/** The pause before the next try; throws the failure where no next try would help. */
export async function pauseAfter(
  error: unknown,
  tried: number,
  { tries, signal }: { readonly tries: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  if (!(error instanceof HubFailure) || !error.isPassing) throw error;
  const most = error.kind === "unreachable" ? Math.min(tries, TRIES_UNREACHED) : tries;
  if (tried >= most || (error.retryAfter ?? 0) > LONGEST_ASKED) throw error;
  const wait = error.retryAfter ?? Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tried - 1));
  await pause(wait, signal);
}

/** Does something again while it fails for a reason that passes. */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  limits: { readonly tries: number; readonly signal: AbortSignal | undefined },
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      await pauseAfter(error, tried, limits);
    }
  }
}
