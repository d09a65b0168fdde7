import { LocalModel } from "../local-model.ts";
import type { ModelHost, ModelSource } from "./host.ts";

/** Computes in the caller's thread. */
export function openHere(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  return LocalModel.open(source, signal);
}

/** Computes in the caller's thread, too: what runs from source, where a worker could not load TypeScript. */
export function openHost(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  return openHere(source, signal);
}
