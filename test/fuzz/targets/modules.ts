import { loadModel } from "../../../src/index.ts";
import { changedCopy } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";

const list = [
  { idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" },
  { idx: 1, name: "1", path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
  { idx: 2, name: "2", path: "2_Normalize", type: "sentence_transformers.models.Normalize" },
];
const pooling = {
  word_embedding_dimension: 32,
  pooling_mode_cls_token: false,
  pooling_mode_mean_tokens: true,
  pooling_mode_max_tokens: false,
  pooling_mode_lasttoken: false,
  include_prompt: true,
};
const settings = { max_seq_length: 16, do_lower_case: false };
const general = { prompts: { query: "query: " }, default_prompt_name: null, similarity_fn_name: "cosine" };

export async function modules(mutate: Mutator, folder: string): Promise<unknown> {
  const which = mutate.below(4);
  const one = (at: number, value: unknown): string => mutate.jsonText(which === at ? mutate.json(value) : value);
  const location = await changedCopy("models/bert", folder, {
    "modules.json": one(0, list),
    "1_Pooling/config.json": one(1, pooling),
    "sentence_bert_config.json": one(2, settings),
    "config_sentence_transformers.json": one(3, general),
  });
  await using model = await loadModel(location, { threads: 1 });
  return await model.embed(["the wolf", "a goat"]);
}
