import { LecternError, ownEntry } from "../common/index.ts";
import type { FileSource } from "../runtime/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { Place } from "./batches.ts";
import type { ForwardResult } from "./forward.ts";
import { readJsonFile } from "./read-json-file.ts";

/** How the states of a sentence's tokens become one vector. */
export interface Pooling {
  readonly mode: "mean" | "cls" | "max" | "last";
  /** Whether vectors are brought to length 1. */
  readonly normalize: boolean;
  /** Tokens at most; longer sentences are cut. */
  readonly maxLength: number | undefined;
}

/** Whether a pass yields the states of tokens by itself: encoders without a head; those of others must be asked for. */
export function yieldsStates({ config, isEncoderDecoder }: { config: object; isEncoderDecoder: boolean }): boolean {
  const [architecture = "Model"] = ((config as { architectures?: string[] }).architectures ?? []) as string[];
  return /(?<!LMHead|MT)Model$/.test(architecture) && !isEncoderDecoder;
}

/** The states `[B, T, E]` that leave the model. */
export function lastStates(result: ForwardResult): HostTensor<"float32"> | undefined {
  return result.lastHiddenState ?? result.hiddenStates?.at(-1) ?? result.decoderHiddenStates?.at(-1);
}

const modes: Readonly<Record<string, Pooling["mode"]>> = {
  pooling_mode_mean_tokens: "mean",
  pooling_mode_cls_token: "cls",
  pooling_mode_max_tokens: "max",
  pooling_mode_lasttoken: "last",
};

/** Reads `modules.json` of sentence-transformers; without one, the mean over tokens as it is. */
export async function readPooling(files: FileSource): Promise<Pooling> {
  const settings = (await files.has("sentence_bert_config.json"))
    ? await readJsonFile(files, "sentence_bert_config.json")
    : {};
  const maxLength = typeof settings.max_seq_length === "number" ? settings.max_seq_length : undefined;
  if (!(await files.has("modules.json"))) return { mode: "mean", normalize: false, maxLength };
  const modules = JSON.parse(await files.readText("modules.json")) as { type: string; path: string }[];
  let pooling: Pooling = { mode: "mean", normalize: false, maxLength };
  for (const { type, path } of modules) {
    const kind = type.split(".").at(-1);
    if (kind === "Pooling") {
      const config = await readJsonFile(files, `${path}/config.json`);
      const on = Object.keys(config).filter((key) => key.startsWith("pooling_mode") && config[key] === true);
      const mode = ownEntry(modes, on[0]);
      if (on.length !== 1 || !mode)
        throw new LecternError("unsupported", `${path}/config.json: pooling by ${on.join(" and ")} is not supported`);
      pooling = { ...pooling, mode };
    } else if (kind === "Normalize") pooling = { ...pooling, normalize: true };
    else if (kind !== "Transformer")
      throw new LecternError("unsupported", `modules.json: a module of type ${type} is not supported`);
  }
  return pooling;
}

/** The states of a text's tokens, one after the other, among states `[B, T, E]`. */
export function statesAt({ shape, data }: HostTensor<"float32">, { row, at }: Place, length: number): Float32Array {
  const [, width, size] = shape as [number, number, number];
  return data.subarray((row * width + at) * size, (row * width + at + length) * size);
}

/**
 * The vector `[E]` of a text among states `[B, T, E]`.
 * @param length its tokens
 */
export function pool(
  all: HostTensor<"float32">,
  place: Place,
  length: number,
  { mode, normalize }: Pick<Pooling, "mode" | "normalize">,
): Float32Array {
  const size = all.shape[2] as number;
  const states = statesAt(all, place, length);
  const vector = combine(states, length, size, mode);
  if (!normalize) return vector;
  const norm = Math.max(1e-12, Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0)));
  return vector.map((x) => x / norm);
}

function combine(states: Float32Array, length: number, size: number, mode: Pooling["mode"]): Float32Array {
  if (mode === "cls") return states.slice(0, size);
  if (mode === "last") return states.slice(Math.max(0, length - 1) * size, length * size);
  const combined = new Float64Array(size).fill(mode === "max" ? Number.NEGATIVE_INFINITY : 0);
  for (let t = 0; t < length; t++)
    for (let e = 0, at = t * size; e < size; e++, at++) {
      const [held, x] = [combined[e] as number, states[at] as number];
      combined[e] = mode === "max" ? Math.max(held, x) : held + x;
    }
  return Float32Array.from(combined, (x) => (mode === "max" ? x : x / length));
}
