import { describe, expect, test } from "vitest";
import { readConfig } from "../../families/index.ts";
import { adapterPlan, forwardGraph } from "../../inference/index.ts";
import { initialize } from "./initialize.ts";
import { type Batch, parameterShapes, StepGraph, type StepOptions } from "./step-graph.ts";

const [rows, length] = [2, 40];
const shared = { hidden_size: 16, num_hidden_layers: 3, num_attention_heads: 2, intermediate_size: 24, vocab_size: 30 };

const configs: Readonly<Record<string, Record<string, unknown>>> = {
  gpt2: { model_type: "gpt2", vocab_size: 30, n_embd: 16, n_layer: 3, n_head: 2, n_positions: 64 },
  llama: { model_type: "llama", ...shared, num_key_value_heads: 1, attention_dropout: 0.2 },
  phi3: { model_type: "phi3", ...shared, num_key_value_heads: 1, attention_dropout: 0.2, resid_pdrop: 0.1 },
  gpt_neox: { model_type: "gpt_neox", ...shared, attention_dropout: 0.2, hidden_dropout: 0.1 },
  bert: {
    model_type: "bert",
    architectures: ["BertForSequenceClassification"],
    ...shared,
    max_position_embeddings: 64,
  },
  modernbert: {
    model_type: "modernbert",
    architectures: ["ModernBertForSequenceClassification"],
    ...shared,
    attention_dropout: 0.2,
    embedding_dropout: 0.1,
    mlp_dropout: 0.1,
    classifier_dropout: 0.1,
  },
  "deberta-v2": {
    model_type: "deberta-v2",
    architectures: ["DebertaV2ForSequenceClassification"],
    ...shared,
    max_position_embeddings: 64,
    relative_attention: true,
    position_buckets: 8,
    pos_att_type: ["c2p", "p2c"],
    pooler_dropout: 0.1,
  },
  char_rnn: {
    model_type: "char_rnn",
    cell: "gru",
    vocab_size: 30,
    embedding_size: 8,
    hidden_size: 12,
    num_layers: 3,
    dropout: 0.2,
  },
  t5: {
    model_type: "t5",
    architectures: ["T5ForConditionalGeneration"],
    vocab_size: 30,
    d_model: 16,
    d_kv: 8,
    d_ff: 24,
    num_layers: 3,
    num_heads: 2,
    decoder_start_token_id: 0,
  },
};

/** How often transformers 5.23 drops something in these models of three layers. */
const sites: Readonly<Record<string, number>> = {
  gpt2: 1 + 3 * 3,
  llama: 3,
  phi3: 3 * 3,
  gpt_neox: 1 + 3 * 3,
  bert: 1 + 3 * 3 + 1,
  modernbert: 1 + 3 * 3 + 1,
  "deberta-v2": 1 + 4 * 3 + 2,
  char_rnn: 2,
  t5: 2 + 3 * 4 + 2 + 3 * 6,
};

const isShare = (key: string): boolean => /drop/.test(key);
const defaults = ["embd_pdrop", "resid_pdrop", "attn_pdrop", "hidden_dropout_prob", "attention_probs_dropout_prob"];

function withoutDropout(config: Record<string, unknown>): Record<string, unknown> {
  const named = Object.keys(config).filter(isShare);
  return { ...config, ...Object.fromEntries([...defaults, "dropout_rate", ...named].map((key) => [key, 0])) };
}

function batchOf(kind: string): Batch {
  const inputIds = Array.from({ length: rows }, (_, row) =>
    Array.from({ length }, (_, t) => 2 + ((row * 7 + t * t * 3) % 27)),
  );
  return { inputIds, labels: kind === "encoder" ? [0, 1] : inputIds };
}

async function step(config: Record<string, unknown>, options: Partial<StepOptions>) {
  const architecture = readConfig(config);
  const { plan } = options;
  const graph = await StepGraph.create(architecture, { rows, length, gradients: true, ...options });
  try {
    const parameters = initialize(parameterShapes(architecture, plan), architecture, { seed: 1 });
    return await graph.run(parameters, batchOf(architecture.kind), { seed: 4, step: 2, part: 0 });
  } finally {
    await graph.dispose();
  }
}

describe.each(Object.entries(configs))("%s", (name, config) => {
  test("has the same bits of loss and gradients when layers are computed a second time", async () => {
    const kept = await step(config, { dropout: true });
    const recomputed = await step(config, { dropout: true, gradientCheckpointing: true });
    expect(recomputed.loss).toBe(kept.loss);
    for (const [path, gradient] of Object.entries(kept.gradients))
      expect(Buffer.compare(bytes(gradient), bytes(recomputed.gradients[path] as Float32Array)), path).toBe(0);
  });

  test("drops where the reference does, and nothing where its config says 0", async () => {
    const sizes = { batch: rows, queries: length, steps: length, dropout: true };
    expect(forwardGraph(readConfig(config), sizes).dropoutMasks).toHaveLength(sites[name] as number);
    expect(forwardGraph(readConfig(withoutDropout(config)), sizes).dropoutMasks).toEqual([]);
    const [dropping, plain] = [await step(withoutDropout(config), { dropout: true }), await step(config, {})];
    expect(dropping.loss).toBe(plain.loss);
    expect((await step(config, { dropout: true })).loss).not.toBe(plain.loss);
  });
});

test("an adapter's own dropout touches what the adapter reads and nothing else", async () => {
  const config = withoutDropout(configs.gpt2 as Record<string, unknown>);
  const lora = { r: 2, loraAlpha: 4, targetModules: ["c_attn"] };
  for (const useDora of [false, true]) {
    const plan = adapterPlan({ ...lora, useDora, loraDropout: 0.25 });
    const { dropoutMasks } = forwardGraph(readConfig(config), {
      batch: rows,
      queries: length,
      steps: length,
      plan,
      dropout: true,
    });
    expect(dropoutMasks.map(({ rate256, shape }) => [rate256, shape])).toEqual(
      Array.from({ length: 3 }, () => [64, [rows, length, 16]]),
    );
    const [dropped, without] = [await step(config, { plan, dropout: true }), await step(config, { plan })];
    expect(dropped.loss).not.toBe(without.loss);
    expect(await step(config, { plan: adapterPlan({ ...lora, useDora }), dropout: true })).toEqual(without);
  }
});

const bytes = (data: Float32Array): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
