import { LocalModel } from "../local-model.ts";
import type { ModelHost, ModelSource } from "./host.ts";

/** Computes in the caller's thread: what runs from source, where a worker could not load TypeScript. */
export function openHost(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  return LocalModel.open(source, signal);
}
