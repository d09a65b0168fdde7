import { LecternError } from "../common/index.ts";
import { type Architecture, type OwnFamily, readConfig } from "../families/index.ts";
import type { FileSource } from "../files/index.ts";
import { type Checkpoint, withRenamed } from "../formats/index.ts";
import { elementCount } from "../tensor/index.ts";
import { forwardGraph } from "./forward-graph.ts";
import { runtimeOf } from "./kinds/index.ts";
import { parametersOf, Weights } from "./weights.ts";

const EMBEDDING = /(^|\.)(embed_tokens|embed_in|wte|shared|word_embeddings|tok_embeddings)$/;
const OUTPUT = /(^|\.)(lm_head|embed_out|decoder|vocab_projector|generator_lm_head)$/;

/** True if a module is a table that embeds words. */
export const isEmbedding = (path: string): boolean => EMBEDDING.test(path);

const isOutput = (path: string): boolean => OUTPUT.test(path);

/** True if a module is a table that the model also reads elsewhere: to score words, or in its other half. */
export function isSharedEmbedding(path: string, architecture: Architecture): boolean {
  return isEmbedding(path) && runtimeOf(architecture).tables.isShared(path);
}

/** True if a module is an output layer that has no weights of its own, since those of the embeddings are its own. */
export function isTiedOutput(path: string, { config }: Architecture): boolean {
  return config.tieWordEmbeddings && isOutput(path);
}

/** The error for a table that PEFT would learn as two and the model has as one. */
export function tiedRefused(where: string, path: string): LecternError {
  return new LecternError(
    "unsupported",
    `${where}: ${path} is one table with another layer in this base, which ties its embeddings, and PEFT changes it in one of the two alone; train with ensure_weight_tying=True, or merge the adapter with PEFT's merge_and_unload, which unties them`,
  );
}

type Json = Readonly<Record<string, unknown>>;

/** A config and checkpoint that agree about tied embeddings. */
export interface Tying {
  readonly json: Json;
  readonly checkpoint: Checkpoint;
  /** The tables that are another's copy, by their names in the checkpoint. */
  readonly copies: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Settles what `tie_word_embeddings` means for a decoder's file, as transformers 5 does: a head of its own in the file
 * goes before the tie where its values differ, is a copy where they are the same, and is the table of both where the
 * file has no embeddings.
 */
export async function settleTying(
  files: FileSource,
  json: Json,
  checkpoint: Checkpoint,
  families: readonly OwnFamily[],
): Promise<Tying> {
  const settled = { json, checkpoint, copies: [], warnings: [] };
  if (!checkpoint.names().some((name) => isOutput(name.replace(/\.weight$/, "")))) return settled;
  const architecture = readConfig(json, checkpoint.names(), families);
  if (!runtimeOf(architecture).tables.prefersOwnHead || !architecture.config.tieWordEmbeddings) return settled;
  const tied = pathsOf(architecture);
  const untied = { ...json, tie_word_embeddings: false };
  const own = [...pathsOf(readConfig(untied, checkpoint.names(), families))].find((path) => !tied.has(path));
  const table = [...tied].find((path) => isEmbedding(path.replace(/\.weight$/, "")));
  const weights = new Weights(files, checkpoint, architecture.family.checkpoint);
  if (own === undefined || table === undefined || !weights.has(own)) return settled;
  const [head, embeddings] = [weights.stored(own), weights.stored(table)];
  if (!weights.has(table)) return { ...settled, checkpoint: withRenamed(checkpoint, head, table) };
  if (await isSameTensor(checkpoint, head, embeddings)) return { ...settled, copies: [head] };
  const warning = `${files.location}: config.json ties the embeddings, but the checkpoint has another ${head}, which is used, as in transformers 5; set tie_word_embeddings to false to say so`;
  return { ...settled, json: untied, warnings: [warning] };
}

function pathsOf(architecture: Architecture): Set<string> {
  return new Set(parametersOf(Object.values(forwardGraph(architecture).heads)).keys());
}

/** The number of values that are compared at once. */
const PIECE = 1 << 22;

async function isSameTensor(checkpoint: Checkpoint, a: string, b: string): Promise<boolean> {
  const [left, right] = [checkpoint.info(a), checkpoint.info(b)];
  if (left.dtype !== right.dtype || left.shape.join() !== right.shape.join()) return false;
  const [rows = 1, ...others] = left.shape;
  const atOnce = Math.max(1, Math.floor(PIECE / elementCount(others)));
  for (let from = 0; from < rows; from += atOnce) {
    const to = Math.min(rows, from + atOnce);
    const [own, other] = await Promise.all([a, b].map((name) => checkpoint.readRows(name, from, to)));
    if (!own?.every((value, i) => Object.is(value, other?.[i]))) return false;
  }
  return true;
}
