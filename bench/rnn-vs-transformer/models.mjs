/** The four models in two sizes: the larger for the cost of a step and a token, the smaller for learning from the books. */

/** Windows of the steps whose cost is measured. */
export const WINDOWS = [16, 32, 64, 128, 256, 512];
/** Tokens of a step, whatever the window. */
export const STEP_TOKENS = 2048;
/** The window that the models learn on, and the one that they are measured on. */
export const LEARNED_WINDOW = 128;
export const LONGEST = 512;
/** Every figure is measured from each of these. */
export const SEEDS = [1, 2, 3];

const common = { vocab_size: 2048, bos_token_id: 0, eos_token_id: 0, pad_token_id: 0 };

/** Two layers of cells; without an embedding size, the output layer is the embedding. */
const cells = (cell, hiddenSize, embeddingSize) => ({
  ...common,
  model_type: "char_rnn",
  cell,
  embedding_size: embeddingSize ?? hiddenSize,
  hidden_size: hiddenSize,
  num_layers: 2,
  tie_word_embeddings: embeddingSize === undefined,
});

/** Four layers; the output layer is the embedding. */
const transformer = (hiddenSize, intermediateSize) => ({
  ...common,
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: hiddenSize,
  intermediate_size: intermediateSize,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  head_dim: hiddenSize / 4,
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
});

/** Those whose cost is measured: 1.05 M parameters each, within 0.3 %. */
export const configs = {
  transformer: transformer(128, 344),
  gru: cells("gru", 190, 128),
  lstm: cells("lstm", 171, 128),
  elman: cells("rnn", 265, 128),
};

/** Those that learn from the books: 0.33 M parameters each, within 0.4 %. */
export const learnedConfigs = {
  transformer: transformer(64, 172),
  gru: cells("gru", 101),
  lstm: cells("lstm", 93),
  elman: cells("rnn", 128),
};

/**
 * The standard deviation of their first embeddings. A state lies between −1 and 1; with embeddings of 0.02 its logits are
 * so near to each other that cells learn nothing but the frequency of each token in their first million tokens.
 */
export const learnedRange = { transformer: 0.02, gru: 0.3, lstm: 0.3, elman: 0.3 };

export const names = Object.keys(configs);

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
export const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
