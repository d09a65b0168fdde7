import type { Checkpoint } from "../formats/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** Tables of words that a config may tie, those that others are tied to first; and the biases of their scores. */
const tables = [
  /(^|\.)shared\.weight$/,
  /(^|\.)(word_embeddings|tok_embeddings)\.weight$/,
  /(^|\.)embed_tokens\.weight$/,
  /(^|\.)(lm_head|vocab_projector|generator_lm_head|decoder)\.weight$/,
];
const biases = [/(^|\.)(predictions|lm_head)\.bias$/, /(^|\.)(predictions|lm_head)\.decoder\.bias$/];

/**
 * The names of a checkpoint without those that repeat, bit for bit, what a config ties them to: such copies are one
 * table, as they were before they were written.
 */
export async function namesWithoutCopies(checkpoint: Checkpoint): Promise<string[]> {
  const copies = new Set<string>();
  for (const ranked of [tables, biases]) {
    const found = ranked.flatMap((pattern) => checkpoint.names().filter((name) => pattern.test(name)));
    for (const [i, name] of found.entries()) {
      if (copies.has(name)) continue;
      const alike = found.slice(i + 1).filter((other) => !copies.has(other) && isLike(checkpoint, name, other));
      if (alike.length === 0) continue;
      const own = await checkpoint.read(name);
      for (const other of alike) if (isSame(own, await checkpoint.read(other))) copies.add(other);
    }
  }
  return checkpoint.names().filter((name) => !copies.has(name));
}

function isLike(checkpoint: Checkpoint, a: string, b: string): boolean {
  const [own, other] = [checkpoint.info(a), checkpoint.info(b)];
  return own.dtype === other.dtype && own.shape.join() === other.shape.join();
}

function isSame({ data: a }: HostTensor, { data: b }: HostTensor): boolean {
  const bytes = (data: HostTensor["data"]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const [own, other] = [bytes(a), bytes(b)];
  for (let i = 0; i < own.length; i++) if (own[i] !== other[i]) return false;
  return true;
}
