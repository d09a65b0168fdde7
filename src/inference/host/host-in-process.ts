import { LocalModel } from "../local-model.ts";
import type { ModelHost, ModelSource } from "./host.ts";

/** Computes in the caller's thread. */
export function openHere(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  return LocalModel.open(source, signal);
}

/** The caller's thread: this host is of what runs from source, where a worker could not load TypeScript. */
export const openHost = openHere;
