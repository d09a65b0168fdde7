import { expect, test } from "vitest";
import { configText } from "./export-model.ts";

test("what transformers declares a float is written as one, and other numbers as they are", () => {
  const config = {
    initializer_factor: 1,
    encoder_layerdrop: 0,
    num_layers: 2,
    rms_norm_eps: 1e-6,
    rope_parameters: { factor: 2, rope_theta: 10000, original_max_position_embeddings: 32 },
    id2label: { "0": '"factor": 1' },
    final_logit_softcapping: null,
    router_jitter_noise: -1,
  };
  const text = configText(config);
  expect(JSON.parse(text)).toEqual(config);
  expect(text.match(/"\w+": -?[\d.e-]+/g)).toEqual([
    '"initializer_factor": 1.0',
    '"encoder_layerdrop": 0.0',
    '"num_layers": 2',
    '"rms_norm_eps": 0.000001',
    '"factor": 2.0',
    '"rope_theta": 10000.0',
    '"original_max_position_embeddings": 32',
    '"router_jitter_noise": -1.0',
  ]);
});
