import { check, shown } from "../../common/index.ts";
import type { GlobalTokens } from "../../nn/index.ts";
import { type BertConfig, parseRobertaConfig } from "../bert/config.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { HeadConfig } from "../family.ts";

/** Longformer is RoBERTa with attention in windows, beside which some tokens see the whole text (Beltagy et al., 2020). */
export function parseLongformerConfig(file: ConfigReader): BertConfig {
  const config = parseRobertaConfig(file.withValues({ is_decoder: false }), 30522, "longformer");
  const { kind } = config.head;
  return {
    ...config,
    takesGlobalTokens: true,
    classifierDropout: kind === "question-answering" ? 0 : config.hiddenDropout,
    long: {
      reach: parseReach(file, config.numHiddenLayers),
      globalTokens: globalTokensOf(file, kind),
      heads: config.numAttentionHeads,
      dropout: config.attentionDropout,
    },
  };
}

/** The tokens that each of these layers sees to either side: half of `attention_window`, one number or a list. */
export function parseReach(file: ConfigReader, layers: number): readonly number[] {
  const given = file.json.attention_window ?? 512;
  const windows: readonly unknown[] = Array.isArray(given) ? given : new Array(layers).fill(given);
  check(
    windows.length === layers,
    "config",
    () =>
      `config.json: attention_window must be a number or a list of one for each of ${layers} layers; got ${windows.length}: ${shown(given)}`,
  );
  return windows.map((window) => {
    check(
      Number.isSafeInteger(window) && (window as number) > 0 && (window as number) % 2 === 0,
      "config",
      () => `config.json: attention_window must be even and above 0, in each layer; got ${shown(window)}`,
    );
    return (window as number) / 2;
  });
}

/** The tokens that a head lets see everything: as transformers chooses them where its caller doesn't. */
function globalTokensOf(file: ConfigReader, kind: HeadConfig["kind"]): GlobalTokens | undefined {
  if (kind === "sequence-classification") return { are: "first" };
  if (kind !== "question-answering" && kind !== "multiple-choice") return undefined;
  const separator = file.tokenId("sep_token_id", 2);
  check(
    separator !== undefined,
    "config",
    () =>
      "config.json: sep_token_id must be a token id, which ends the question; got null; give the tokenizer's, usually 2",
  );
  return { are: kind === "question-answering" ? "question" : "behind-question", separator };
}
