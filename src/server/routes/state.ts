import type { RequestContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import type { ModelState } from "../models.ts";
import type { ModelEntry, ModelRequest } from "../schemas/lists.ts";

/** GET /health */
export function health(): object {
  return { status: "ok" };
}

/** GET /ready */
export function ready(_: never, { models, isDraining }: RequestContext): object {
  if (isDraining()) throw new ApiError(503, "the server stops", { code: "stopping" });
  if (!models.isReady) throw new ApiError(503, "models are being loaded", { code: "loading" });
  return { status: "ready" };
}

/** GET /metrics */
export async function metrics(_: never, { metrics: counts, models }: RequestContext): Promise<Response> {
  counts.models(models.states());
  return new Response(await counts.text(), { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
}

function entryOf({ name, isLoaded, parent }: ModelState, created: number): ModelEntry {
  return { id: name, object: "model", created, owned_by: "lectern", loaded: isLoaded, parent: parent ?? null };
}

/** GET /v1/models */
export function listModels(_: never, { models }: RequestContext): object {
  return { object: "list", data: models.states().map((state) => entryOf(state, models.created)) };
}

/** GET /v1/models/{model} */
export function oneModel(
  _: never,
  { models }: RequestContext,
  { model = "" }: Readonly<Record<string, string>>,
): object {
  models.check(model);
  const state = models.states().find(({ name }) => name === model) as ModelState;
  return entryOf(state, models.created);
}

/** POST /v1/models/load */
export async function loadOne({ model }: ModelRequest, context: RequestContext): Promise<object> {
  (await context.models.lease(model)).release();
  return oneModel(undefined as never, context, { model });
}

/** POST /v1/models/unload */
export async function unloadOne({ model }: ModelRequest, context: RequestContext): Promise<object> {
  await context.models.unload(model);
  return oneModel(undefined as never, context, { model });
}
