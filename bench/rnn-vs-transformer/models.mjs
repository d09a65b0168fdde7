/** The four models of one size, the windows they are trained on, and how. */
export const WINDOWS = [16, 32, 64, 128, 256, 512];
/** Tokens of a step, whatever the window. */
export const STEP_TOKENS = 2048;
export const LONGEST = 512;
/** Every figure is measured from each of these. */
export const SEEDS = [1, 2, 3];

const common = { vocab_size: 2048, bos_token_id: 0, eos_token_id: 0, pad_token_id: 0 };

/** Two layers of cells; the hidden size is what makes 1.05 M parameters. */
const cells = (cell, hiddenSize) => ({
  ...common,
  model_type: "char_rnn",
  cell,
  embedding_size: 128,
  hidden_size: hiddenSize,
  num_layers: 2,
  tie_word_embeddings: false,
});

export const configs = {
  transformer: {
    ...common,
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: 128,
    intermediate_size: 344,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    head_dim: 32,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
  },
  gru: cells("gru", 190),
  lstm: cells("lstm", 171),
  elman: cells("rnn", 265),
};

export const names = Object.keys(configs);

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
export const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
