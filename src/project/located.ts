import { check, LecternError } from "../common/index.ts";
import { type LocateOptions, locateModel } from "../formats/index.ts";
import { type LoadOptions, loadModel, type Model } from "../inference/index.ts";
import { modelLocation, type Project, projectPath, type Setup } from "./file.ts";

/** The settings by which models are found and loaded. */
export type Locating = Pick<LocateOptions, "offline" | "onProgress" | "onWarning" | "signal">;

/** The place of a setup's model on this machine, and of its adapter. */
export interface Located {
  /** Undefined where passages are found by their words, without a model. */
  readonly model: string | undefined;
  readonly adapter: string | undefined;
  readonly reader: string | undefined;
}

/** The name in place of a model by which passages are found by their words. */
export const BY_WORDS = "bm25";

/** A setup in words: the model, and what differs from its defaults. */
export function setupName(setup: Setup): string {
  const { model, adapter, reader, prompt, shots, precision, threads, batchSize, window } = setup;
  const parts = [
    model,
    reader && `reader ${reader}`,
    adapter && `adapter ${adapter}`,
    prompt && `prompt ${prompt}`,
    shots !== undefined && `${shots} shots`,
    precision,
    threads !== undefined && `${threads} thread${threads === 1 ? "" : "s"}`,
    batchSize !== undefined && `batch ${batchSize}`,
    window !== undefined && `window ${window}`,
  ];
  return parts.filter(Boolean).join(", ");
}

/** Finds a setup's model, which is downloaded where the cache does not have it. @throws with the remedy where it is gone */
export async function locateSetup(project: Project, setup: Setup, options: Locating = {}): Promise<Located> {
  const { model: name, revision, adapter, reader } = setup;
  const isWords = project.file.task === "ask" && name === BY_WORDS;
  const located = (own: string): Promise<string> =>
    locateModel(modelLocation(project, own), { ...options, need: "model", ...(own === name && { revision }) });
  try {
    return {
      model: isWords ? undefined : await located(name),
      adapter: adapter === undefined ? undefined : await locateModel(projectPath(project, adapter)),
      reader: reader === undefined ? undefined : await located(reader),
    };
  } catch (cause) {
    if (!(cause instanceof LecternError)) throw cause;
    throw new LecternError(
      cause.code,
      `${project.path}: the model of this setup is not on this machine (${setupName(setup)}): ${cause.message}`,
      { cause },
    );
  }
}

/** Loads a setup's model with its adapter, precision and threads. */
export async function loadSetup(
  project: Project,
  setup: Setup,
  options: Locating & Pick<LoadOptions, "onProgress"> = {},
): Promise<Model> {
  const { model, adapter } = await locateSetup(project, setup, options);
  const { precision, threads } = setup;
  const { signal, offline, onWarning } = options;
  const base = adapter === undefined ? {} : { base: model };
  return loadModel(adapter ?? located(project, model), { ...base, precision, threads, signal, offline, onWarning });
}

/** Loads the model that answers from passages. */
export async function loadReader(project: Project, setup: Setup, options: Locating = {}): Promise<Model> {
  const { reader } = await locateSetup(project, setup, options);
  const { signal, offline, onWarning } = options;
  return loadModel(located(project, reader), { threads: setup.threads, signal, offline, onWarning });
}

/** The place of a model that a step needs. @throws LecternError where passages are found by their words */
export function located({ path }: Pick<Project, "path">, place: string | undefined): string {
  check(place !== undefined, "config", () => `${path}: choice: ${BY_WORDS} is no model; name one for this step`);
  return place;
}
