import { check } from "../common/index.ts";
import { bundledTasks, evaluate, isGroup, loadTask, type Task } from "../evaluation/node.ts";
import type { RequestContext } from "./context.ts";
import { badField, toApiError } from "./errors.ts";
import { Metrics } from "./metrics.ts";
import { ModelPool } from "./models.ts";
import { defaultLimits, type LogEntry, type ServedModel, type ServerLimits } from "./options.ts";
import { type Route, routes } from "./routes/index.ts";
import { type EvaluationRequest, evaluationRequest } from "./schemas/evaluations.ts";
import { parseBody } from "./schemas/parse.ts";
import { withLease } from "./with-lease.ts";

/** The route of evaluations, which only batches have: one takes minutes. */
const EVALUATIONS = "/v1/evaluations";

/** Routes that stored requests may name. */
const offlineRoutes: readonly string[] = [
  "/v1/completions",
  "/v1/chat/completions",
  "/v1/responses",
  "/v1/embeddings",
  "/v1/rerank",
  "/v1/classify",
  EVALUATIONS,
];

/** A request that is stored, to be answered later. */
export interface OfflineRequest {
  /** Its route. */
  readonly url: string;
  /** Its body, as JSON gives it. */
  readonly body: unknown;
}

/** The answer to a stored request: a body that HTTP would carry, of an error too. */
export interface OfflineAnswer {
  /** The status code that HTTP would have. */
  readonly status: number;
  /** The body: an answer, or an error in OpenAI's form. */
  readonly body: object;
}

/** Options of {@link createAnswerer}. */
export interface AnswererOptions {
  /** The models that requests may name. */
  readonly models: readonly ServedModel[];
  /** Bounds of requests; each that is left out has the default of `ServerLimits`. */
  readonly limits?: Partial<ServerLimits> | undefined;
  /** Files of tasks that evaluations may name beside the bundled ones. */
  readonly tasks?: readonly string[] | undefined;
  /** Folders in which data files of tasks are looked for. */
  readonly dataFolders?: readonly string[] | undefined;
  /** Called with each entry of the log. */
  readonly onLog?: ((entry: LogEntry) => void) | undefined;
}

/** Answers requests without HTTP. */
export interface Answerer {
  /** The names that requests may give, adapters included. */
  readonly models: readonly string[];
  /** Loads every model. */
  load(): Promise<void>;
  /**
   * Answers one request; it never throws.
   *
   * @param request as it was stored
   * @param call `id` names the answer, `signal` ends it early
   */
  answer(request: OfflineRequest, call: { readonly id: string; readonly signal: AbortSignal }): Promise<OfflineAnswer>;
  /** Ends the models. */
  dispose(): Promise<void>;
}

function routeOf(url: string): Route | undefined {
  return routes.find(({ path, method }) => path === url && method === "post");
}

/**
 * The body of a stored request, checked as its route does.
 *
 * @returns the model that it names
 * @throws ApiError 400 for a route that batches do not take, a field that does not fit, or a stream
 */
export function checkOffline({ url, body }: OfflineRequest): string {
  return parseOffline(url, body).model;
}

function parseOffline(url: string, body: unknown): { readonly model: string } {
  if (!offlineRoutes.includes(url))
    throw badField("url", `must be one of ${offlineRoutes.join(", ")}; got ${JSON.stringify(url).slice(0, 100)}`);
  const schema = url === EVALUATIONS ? evaluationRequest : routeOf(url)?.body;
  const parsed = parseBody(schema as NonNullable<typeof schema>, body) as { model: string; stream?: boolean | null };
  if (parsed.stream) throw badField("stream", "a stored answer is no stream: leave it out");
  return parsed;
}

/** Evaluates a model on one of the tasks by name. */
async function evaluation(
  body: EvaluationRequest,
  context: RequestContext,
  tasks: ReadonlyMap<string, () => Task>,
): Promise<object> {
  const load = tasks.get(body.task);
  if (!load) throw badField("task", `this worker has ${[...tasks.keys()].join(", ")}; got ${body.task.slice(0, 100)}`);
  return withLease(body.model, context, async ({ model, adapter, name }) => {
    if (adapter !== null) throw badField("model", `${name} is an adapter, which evaluations do not apply`);
    const { shots, limit, seed, repeats } = body;
    const options = {
      shots: shots ?? undefined,
      limit: limit ?? undefined,
      seed: seed ?? undefined,
      repeats: repeats ?? undefined,
    };
    const { items: _, ...run } = await evaluate(model, load(), { ...options, signal: context.signal });
    return { id: `eval-${context.id}`, object: "evaluation", ...run, model: name };
  });
}

/** Tasks by name; a bundled one is read on its first use, one from a file at once. */
function tasksBy({ tasks = [], dataFolders = [] }: AnswererOptions): Map<string, () => Task> {
  const single = (source: string): Task => {
    const task = loadTask(source, { dataFolders });
    check(!isGroup(task), "usage", () => `${source} is a group of tasks: give its tasks one by one`);
    return task as Task;
  };
  const named = tasks.map((file): [string, () => Task] => {
    const task = single(file);
    return [task.name, () => task];
  });
  return new Map([...bundledTasks().map((name): [string, () => Task] => [name, () => single(name)]), ...named]);
}

/** Answers stored requests by the server's own routes, without a server. */
export function createAnswerer(options: AnswererOptions): Answerer {
  const limits = { ...defaultLimits, ...options.limits };
  const onLog = options.onLog ?? (() => {});
  const models = new ModelPool(options.models, {
    modelBytes: Number.POSITIVE_INFINITY,
    idleSeconds: Number.POSITIVE_INFINITY,
    load: { maxSequences: limits.sequences },
    onLog,
  });
  const metrics = new Metrics();
  const tasks = tasksBy(options);
  const names = models.states().map(({ name }) => name);
  return {
    models: names,
    load: async () => {
      for (const name of names) (await models.lease(name)).release();
    },
    answer: async ({ url, body }, { id, signal }) => {
      const note = (): void => {};
      const own = { id, signal, note, onEnd: note, isDraining: () => false };
      const context = { models, limits, metrics, feedback: undefined, onLog, ...own };
      try {
        const parsed = parseOffline(url, body);
        const answered =
          url === EVALUATIONS
            ? await evaluation(parsed as EvaluationRequest, context, tasks)
            : await (routeOf(url) as Route).answer(parsed as never, context, {});
        return { status: 200, body: answered };
      } catch (cause) {
        const error = toApiError(cause, models.places);
        if (error.status === 500)
          onLog({
            level: "error",
            event: "failure",
            id,
            reason: cause instanceof Error ? cause.message : String(cause),
          });
        return { status: error.status, body: error.body };
      }
    },
    dispose: () => models.dispose(),
  };
}
