import { LecternError } from "../common/index.ts";
import type { Architecture } from "../models/index.ts";

const EMBEDDING = /(^|\.)(embed_tokens|embed_in|wte|shared|word_embeddings|tok_embeddings)$/;
const OUTPUT = /(^|\.)(lm_head|embed_out|decoder|vocab_projector|generator_lm_head)$/;

/** Whether a module is a table that embeds words. */
export const isEmbedding = (path: string): boolean => EMBEDDING.test(path);

/** Whether a module is a table that the model also reads elsewhere: to score words, or in its other half. */
export function isSharedEmbedding(path: string, { kind, config }: Architecture): boolean {
  if (!isEmbedding(path)) return false;
  if (kind === "encoder-decoder") return config.wordTables.filter((table) => table === path).length > 1;
  return config.tieWordEmbeddings && (kind !== "encoder" || config.head.kind === "words");
}

/** Whether a module is an output layer that has no weights of its own, since those of the embeddings are its own. */
export function isTiedOutput(path: string, { config }: Architecture): boolean {
  return config.tieWordEmbeddings && OUTPUT.test(path);
}

/** What PEFT would learn as two tables and the model has as one. */
export function tiedRefused(where: string, path: string): LecternError {
  return new LecternError(
    "unsupported",
    `${where}: ${path} is one table with another layer in this base, which ties its embeddings, and PEFT changes it in one of the two alone; train with ensure_weight_tying=True, or merge the adapter with PEFT's merge_and_unload, which unties them`,
  );
}
