import { type BartConfig, parseRelative } from "../bart/config.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseReach } from "../longformer/config.ts";

/** LED is BART whose encoder attends in windows, as Longformer's, and reads more tokens than the decoder writes (Beltagy et al., 2020). */
export function parseLedConfig(file: ConfigReader): BartConfig {
  const read = file.withDefaults({ max_decoder_position_embeddings: 1024, max_encoder_position_embeddings: 16384 });
  const own = { share_encoder_decoder_embeddings: true, scale_embedding: false };
  const config = parseRelative(
    read.withValues({ ...own, max_position_embeddings: read.size("max_decoder_position_embeddings") }),
    { traits: { root: "led", positions: "learned-from-zero" }, heads: /ForQuestionAnswering$/ },
  );
  const sourcePositions = read.size("max_encoder_position_embeddings");
  const long = {
    reach: parseReach(read, config.encoderLayers),
    globalTokens: undefined,
    heads: config.encoder.heads,
    dropout: config.attentionDropout,
  };
  return {
    ...config,
    sourcePositions,
    takesGlobalTokens: true,
    encoder: { ...config.encoder, positionCount: sourcePositions, long },
  };
}
