import { check, LecternError } from "../common/index.ts";
import type { LlamaConfig } from "../families/index.ts";
import { commonSettings, type GgufArchitecture, type GgufEntry, type GgufOutput } from "../formats/index.ts";
import { type RotaryConfig, rotaryFrequencies } from "../nn/index.ts";

/** A model's settings as GGUF metadata, and the tensors that hold settings. */
export interface GgufSettings {
  readonly entries: readonly GgufEntry[];
  readonly tensors: readonly GgufOutput[];
}

/** Numbers that are not whole by their meaning. */
const FLOATS = new Set([
  "attention.layer_norm_rms_epsilon",
  "rope.freq_base",
  "rope.freq_base_swa",
  "attn_logit_softcapping",
  "final_logit_softcapping",
]);

/** A model's settings, or a refusal where llama.cpp would compute otherwise. */
export function ggufSettings(name: string, architecture: GgufArchitecture, c: LlamaConfig): GgufSettings {
  refuseOthers(name, architecture, c);
  const windows = windowEntries(name, architecture, c);
  const whole = c.layers.find(({ window }) => window === undefined) ?? c.layers[0];
  const local = c.layers.find(({ window }) => window !== undefined);
  const rotary = whole?.rotary;
  if (!rotary) throw new LecternError("unsupported", "export: layers without rotary positions cannot be written");
  expectEqual("how much of a head is turned", architecture.pairs ? rotary.size : c.headSize, c.headSize);
  const stretched = rotaryEntries(name, rotary);
  const values: Readonly<Record<string, number | undefined>> = {
    max_position_embeddings: windows.contextLength,
    hidden_size: c.hiddenSize,
    num_hidden_layers: c.numHiddenLayers,
    intermediate_size: c.intermediateSize,
    num_attention_heads: c.numAttentionHeads,
    num_key_value_heads: c.numKeyValueHeads,
    rms_norm_eps: c.rmsNormEps,
    rope_theta: rotary.theta,
    rope_local_base_freq: local?.rotary?.theta,
    attn_logit_softcapping: c.attentionSoftcap,
    final_logit_softcapping: c.logitSoftcap,
    sliding_window: local?.window,
    num_local_experts: c.experts?.count,
    num_experts: c.experts?.count,
    num_experts_per_tok: c.experts?.perToken,
    moe_intermediate_size: c.experts?.intermediateSize,
  };
  const named = Object.entries({ ...commonSettings, ...architecture.settings }).flatMap(([key, field]): GgufEntry[] => {
    const value = values[field];
    return value === undefined ? [] : [[`${name}.${key}`, FLOATS.has(key) ? "f32" : "u32", value]];
  });
  return {
    entries: [
      ...named,
      [`${name}.vocab_size`, "u32", c.vocabSize],
      [`${name}.attention.key_length`, "u32", c.headSize],
      [`${name}.attention.value_length`, "u32", c.headSize],
      [`${name}.rope.dimension_count`, "u32", rotary.size],
      ...windows.entries,
      ...stretched.entries,
    ],
    tensors: stretched.tensors,
  };
}

/** Refuses what GGUF has no words for. */
function refuseOthers(name: string, architecture: GgufArchitecture, c: LlamaConfig): void {
  const activation = architecture.normOffset === 1 ? "gelu_pytorch_tanh" : "silu";
  const wide = architecture.wideScoresAt === c.numHiddenLayers;
  const scale = (wide ? c.hiddenSize / c.numAttentionHeads : c.headSize) ** -0.5;
  expectEqual("hidden_act", c.hiddenAct, activation);
  expectEqual("the scale of attention scores", c.attentionScale, scale);
  if (c.experts) {
    expectEqual("shares of experts that sum to 1", c.experts.normalized, true);
    const dense = c.layers.findIndex(({ sparse }) => !sparse);
    check(
      dense < 0,
      "unsupported",
      () => `export: layer ${dense} mixes no experts while others do; GGUF has no place for that`,
    );
  }
  const caps = ["attn_logit_softcapping", "final_logit_softcapping"].map((key) => key in architecture.settings);
  expectEqual("a cap of attention scores", c.attentionSoftcap !== undefined, caps[0] === true);
  if (name !== "gemma3") expectEqual("a cap of logits", c.logitSoftcap !== undefined, caps[1] === true);
  const biases = name === "llama" || name === "qwen2";
  if (!biases) expectEqual("a bias of queries, keys and values", c.qkvBias, false);
}

function expectEqual(what: string, actual: string | number | boolean, expected: string | number | boolean): void {
  const isSame =
    typeof actual === "number" && typeof expected === "number"
      ? Math.abs(actual - expected) < 1e-6 * expected
      : actual === expected;
  check(
    isSame,
    "unsupported",
    () =>
      `export: ${what} is ${actual} here; programs that read GGUF compute with ${expected}, so it cannot be written`,
  );
}

/** The layers that see a window, by the architecture's own rule; without one, a text must fit into the window. */
function windowEntries(
  name: string,
  architecture: GgufArchitecture,
  c: LlamaConfig,
): { contextLength: number; entries: readonly GgufEntry[] } {
  const windows = c.layers.map(({ window }) => window);
  const contextLength = c.maxPositionEmbeddings;
  if (!("attention.sliding_window" in architecture.settings)) {
    const smallest = windows.reduce<number>((least, window) => Math.min(least, window ?? least), contextLength);
    return { contextLength: smallest, entries: [] };
  }
  if (windows.every((window) => window === windows[0]) && name === "phi3") return { contextLength, entries: [] };
  const every = name === "gemma2" ? 2 : windows.indexOf(undefined) + 1;
  const fits = windows.every((window, i) => (window === undefined) === ((i + 1) % every === 0));
  check(fits, "unsupported", () => "export: the layers with a window do not come at even distances, as GGUF has them");
  const entries: GgufEntry[] = name === "gemma2" ? [] : [[`${name}.attention.sliding_window_pattern`, "u32", every]];
  return { contextLength, entries };
}

/** The scaling of positions: by name where GGUF has one, else as the divisor of each frequency. */
function rotaryEntries(name: string, rotary: RotaryConfig): GgufSettings {
  const { scaling } = rotary;
  const key = (setting: string): string => `${name}.rope.scaling.${setting}`;
  switch (scaling.type) {
    case "default":
      return { entries: [], tensors: [] };
    case "linear":
      return {
        entries: [
          [key("type"), "string", "linear"],
          [key("factor"), "f32", scaling.factor],
        ],
        tensors: [],
      };
    case "yarn": {
      expectEqual("yarn's factor of attention", scaling.attentionFactor, 0.1 * Math.log(scaling.factor) + 1);
      expectEqual("whether yarn rounds its bounds", scaling.truncate, true);
      return {
        entries: [
          [key("type"), "string", "yarn"],
          [key("factor"), "f32", scaling.factor],
          [key("original_context_length"), "u32", scaling.original],
          [key("yarn_beta_fast"), "f32", scaling.betaFast],
          [key("yarn_beta_slow"), "f32", scaling.betaSlow],
        ],
        tensors: [],
      };
    }
    case "llama3": {
      const plain = rotaryFrequencies({ ...rotary, scaling: { type: "default" } }, 0);
      const scaled = rotaryFrequencies(rotary, 0);
      return {
        entries: [],
        tensors: [
          factors(
            "rope_freqs",
            Array.from(plain, (f, i) => f / (scaled[i] as number)),
          ),
        ],
      };
    }
    case "longrope": {
      const { shortFactors, longFactors, attentionFactor, original } = scaling;
      if (attentionFactor === 1 && shortFactors.join() === longFactors.join())
        return { entries: [], tensors: [factors("rope_freqs", shortFactors)] };
      expectEqual("the family with factors for short and long texts", name, "phi3");
      return {
        entries: [
          [key("attn_factor"), "f32", attentionFactor],
          [key("original_context_length"), "u32", original],
        ],
        tensors: [factors("rope_factors_long", longFactors), factors("rope_factors_short", shortFactors)],
      };
    }
    case "dynamic":
    case "proportional":
      throw new LecternError("unsupported", `export: ${scaling.type} rope scaling cannot be written as GGUF`);
  }
}

function factors(name: string, values: readonly number[]): GgufOutput {
  async function* all(): AsyncGenerator<Float32Array> {
    yield Float32Array.from(values);
  }
  return { name: `${name}.weight`, shape: [values.length], type: "F32", values: all };
}
