import { check, ownEntry } from "../../common/index.ts";
import type { Cell } from "../../graph/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { RecurrentConfig } from "../family.ts";

export interface CharRnnConfig extends RecurrentConfig {
  readonly embeddingSize: number;
  /** The dropout rate between layers, as torch's. */
  readonly dropout: number;
}

const cells: Readonly<Record<string, Cell>> = {
  rnn: "rnn_tanh",
  rnn_tanh: "rnn_tanh",
  rnn_relu: "rnn_relu",
  gru: "gru",
  lstm: "lstm",
};

export function parseCharRnnConfig(read: ConfigReader): CharRnnConfig {
  const named = read.string("cell", "gru");
  const cell = ownEntry(cells, named);
  if (!cell) read.refuse("cell", "rnn, gru or lstm");
  const { vocab } = read.json;
  const [embeddingSize, hiddenSize] = [read.size("embedding_size"), read.size("hidden_size")];
  const tieWordEmbeddings = read.boolean("tie_word_embeddings", false);
  check(
    !tieWordEmbeddings || embeddingSize === hiddenSize,
    "config",
    () =>
      `config.json: tie_word_embeddings needs embedding_size and hidden_size to be equal; got ${embeddingSize} and ${hiddenSize}`,
  );
  return {
    cell: cell as Cell,
    vocabSize: read.size("vocab_size", Array.isArray(vocab) ? vocab.length : undefined),
    embeddingSize,
    hiddenSize,
    dropout: read.number("dropout", 0),
    numHiddenLayers: read.size("num_layers", 1),
    maxPositionEmbeddings: Number.POSITIVE_INFINITY, // a state has no length
    tieWordEmbeddings,
  };
}
