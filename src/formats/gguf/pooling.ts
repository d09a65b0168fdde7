import type { GgufMetadata } from "./metadata.ts";

/** The ways of pooling by llama.cpp's number, as sentence-transformers calls them. */
const modes: Readonly<Record<number, string>> = { 1: "mean", 2: "cls", 3: "lasttoken" };

/** The way in which an embedding model pools its states; undefined for other models. */
export function poolingOf(metadata: GgufMetadata): string | undefined {
  const name = metadata.has("general.architecture") ? metadata.string("general.architecture") : "";
  return modes[metadata.number(`${name}.pooling_type`, 0)];
}

/** The files by which sentence-transformers pools, where the metadata say how. */
export function poolingFiles(metadata: GgufMetadata): Readonly<Record<string, () => Promise<string>>> {
  const pooling_mode = poolingOf(metadata);
  if (pooling_mode === undefined) return {};
  const module = (name: string, path: string): object => ({ path, type: `sentence_transformers.models.${name}` });
  return {
    "modules.json": async () => JSON.stringify([module("Transformer", ""), module("Pooling", "1_Pooling")]),
    "1_Pooling/config.json": async () => JSON.stringify({ pooling_mode }),
  };
}
