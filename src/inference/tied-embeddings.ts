import { LecternError } from "../common/index.ts";
import { type Architecture, type OwnFamily, readConfig } from "../families/index.ts";
import type { FileSource } from "../files/index.ts";
import type { Checkpoint } from "../formats/index.ts";
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
  if (!weights.has(table)) return { ...settled, checkpoint: renamedTensor(checkpoint, head, table) };
  if (await isSameTensor(files, checkpoint, head, embeddings)) return { ...settled, copies: [head] };
  const warning = `${files.location}: config.json ties the embeddings, but the checkpoint has another ${head}, which is used, as in transformers 5; set tie_word_embeddings to false to say so`;
  return { ...settled, json: untied, warnings: [warning] };
}

function pathsOf(architecture: Architecture): Set<string> {
  return new Set(parametersOf(Object.values(forwardGraph(architecture).heads)).keys());
}

/** The same checkpoint, in which one tensor goes by another name. */
function renamedTensor(checkpoint: Checkpoint, from: string, to: string): Checkpoint {
  const own = (name: string): string => (name === to ? from : name);
  return {
    names: () => checkpoint.names().map((name) => (name === from ? to : name)),
    has: (name) => name !== from && checkpoint.has(own(name)),
    info: (name) => checkpoint.info(own(name)),
    read: (name) => checkpoint.read(own(name)),
  };
}

/** The number of bytes that are compared at once. */
const PIECE = 1 << 24;

async function isSameTensor(files: FileSource, checkpoint: Checkpoint, a: string, b: string): Promise<boolean> {
  const [left, right] = [checkpoint.info(a), checkpoint.info(b)];
  if (left.dtype !== right.dtype || left.shape.join() !== right.shape.join()) return false;
  for (let at = 0; at < left.byteLength; at += PIECE) {
    const length = Math.min(PIECE, left.byteLength - at);
    const [own, other] = await Promise.all(
      [left, right].map(({ file, offset }) => files.readBytes(file, offset + at, length)),
    );
    if (!own?.every((byte, i) => byte === other?.[i])) return false;
  }
  return true;
}
