import type { RequestContext } from "./context.ts";
import type { ModelLease } from "./models.ts";

/** Answers a request with a model, which stays loaded until the response has ended, of a stream too. */
export async function withLease<T>(
  name: string,
  context: RequestContext,
  answer: (lease: ModelLease) => Promise<T>,
): Promise<T> {
  context.note({ model: name });
  const lease = await context.models.lease(name);
  let isStreaming = false;
  try {
    const result = await answer(lease);
    if (result instanceof Response) {
      isStreaming = true;
      context.onEnd(() => lease.release());
    }
    return result;
  } finally {
    if (!isStreaming) lease.release();
  }
}
