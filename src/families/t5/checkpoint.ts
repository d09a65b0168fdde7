import type { FamilyCheckpoint } from "../family.ts";
import type { T5Stack } from "./config.ts";

/** Files carry copies of the shared embedding, and a bias table in the decoder's cross attention that is never used. */
export const t5Checkpoint: FamilyCheckpoint<T5Stack> = {
  prefix: "transformer.",
  ignored:
    /^(transformer\.)?((shared|(encoder|decoder)\.embed_tokens)\.weight|decoder\..*EncDecAttention\.relative_attention_bias\.weight|lm_head\.weight)$/,
  /** T5 does not scale its scores: its queries begin small instead (Raffel et al., 2020). */
  initStd(path, { hiddenSize, headSize, numHeads, intermediateSize }) {
    if (/^shared\.weight$|\.embed_tokens\.weight$|^lm_head\.weight$/.test(path)) return 1;
    if (/Attention\.q\.weight$/.test(path)) return (hiddenSize * headSize) ** -0.5;
    if (/Attention\.o\.weight$/.test(path)) return (numHeads * headSize) ** -0.5;
    if (/\.wo\.weight$/.test(path)) return intermediateSize ** -0.5;
    return hiddenSize ** -0.5;
  },
};

/** A file with the whole model serves for its encoder too. */
export const t5EncoderCheckpoint: FamilyCheckpoint<T5Stack> = {
  ...t5Checkpoint,
  ignored: new RegExp(`${t5Checkpoint.ignored.source}|^(transformer\\.)?decoder\\.`),
};
