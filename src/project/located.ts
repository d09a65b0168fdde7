import { LecternError } from "../common/index.ts";
import { type LocateOptions, locateModel } from "../formats/index.ts";
import { type LoadOptions, loadModel, type Model } from "../inference/index.ts";
import { modelLocation, type Project, projectPath, type Setup } from "./file.ts";

/** The settings by which models are found and loaded. */
export type Locating = Pick<LocateOptions, "offline" | "onProgress" | "onWarning" | "signal">;

/** The place of a setup's model on this machine, and of its adapter. */
export interface Located {
  readonly model: string;
  readonly adapter: string | undefined;
}

/** A setup in words: the model, and what differs from its defaults. */
export function setupName(setup: Setup): string {
  const { model, adapter, prompt, shots, precision, threads, batchSize, window } = setup;
  const parts = [
    model,
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
  const { model: name, revision, adapter } = setup;
  try {
    const model = await locateModel(modelLocation(project, name), { ...options, revision, need: "model" });
    return { model, adapter: adapter === undefined ? undefined : await locateModel(projectPath(project, adapter)) };
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
  return loadModel(adapter ?? model, { ...base, precision, threads, signal, offline, onWarning });
}
