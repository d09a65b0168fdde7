import type { ConfigReader } from "./config-reader.ts";

/** Tables that may be one: others are tied to the first. */
export interface Ties {
  /** The parameter that the others are tied to. */
  readonly source: string;
  /** The parameters that may be tied, in the order in which the reference ties. */
  readonly targets: readonly string[];
  /** True if the config asks for it; default `tie_word_embeddings`, true where it is missing. */
  readonly isTied?: boolean;
}

/**
 * The parameter that each of several tied ones is read from, as transformers 5 ties them: a table that the checkpoint
 * has for itself stays its own, even where the config asks for a tie; one that it lacks is read from the others. Copies of
 * another table are not among the reader's tensors.
 * @param prefix of the family, which a checkpoint may leave out
 * @returns the parameter without `.weight`, by the table asked for
 */
export function tie(read: ConfigReader, prefix: string, { source, targets, isTied }: Ties): (path: string) => string {
  if (!(isTied ?? read.boolean("tie_word_embeddings", true))) return (path) => path;
  const root = [source, ...targets].find((path) => holds(read, `${path}.weight`, prefix)) ?? source;
  return (path) => (holds(read, `${path}.weight`, prefix) ? path : root);
}

/** True if the checkpoint has a parameter, with the family's prefix or without. */
export function holds(read: ConfigReader, path: string, prefix: string): boolean {
  const bare = path.startsWith(prefix) ? path.slice(prefix.length) : path;
  return read.hasTensor(new RegExp(`^(${literal(prefix)})?${literal(bare)}$`));
}

const literal = (text: string): string => text.replace(/[.]/g, "\\.");
