import { LecternError } from "../common/index.ts";
import type { FileSource } from "../runtime/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { readJsonFile } from "./model-files.ts";

/** How the states of a sentence's tokens become one vector. */
export interface Pooling {
  readonly mode: "mean" | "cls" | "max" | "last";
  /** Whether vectors are brought to length 1. */
  readonly normalize: boolean;
  /** Tokens at most; longer sentences are cut. */
  readonly maxLength: number | undefined;
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
      const mode = modes[on[0] ?? ""];
      if (on.length !== 1 || !mode)
        throw new LecternError("unsupported", `${path}/config.json: pooling by ${on.join(" and ")} is not supported`);
      pooling = { ...pooling, mode };
    } else if (kind === "Normalize") pooling = { ...pooling, normalize: true };
    else if (kind !== "Transformer")
      throw new LecternError("unsupported", `modules.json: a module of type ${type} is not supported`);
  }
  return pooling;
}

/** The vector `[E]` of each row of states `[B, T, E]`, padding (mask 0) left out. */
export function pool(
  { shape, data }: HostTensor<"float32">,
  mask: readonly (readonly number[])[],
  { mode, normalize }: Pooling,
): Float32Array[] {
  const [, length, size] = shape as [number, number, number];
  return mask.map((row, i) => {
    const places = row.flatMap((flag, t) => (flag ? [t] : []));
    const state = (t: number): Float32Array => data.subarray((i * length + t) * size, (i * length + t + 1) * size);
    const vector = combine(places.map(state), mode, size);
    if (!normalize) return vector;
    const norm = Math.max(1e-12, Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0)));
    return vector.map((x) => x / norm);
  });
}

function combine(states: readonly Float32Array[], mode: Pooling["mode"], size: number): Float32Array {
  if (mode === "cls") return Float32Array.from(states[0] ?? []);
  if (mode === "last") return Float32Array.from(states.at(-1) ?? []);
  const column = (e: number): number[] => states.map((state) => state[e] as number);
  return Float32Array.from({ length: size }, (_, e) =>
    mode === "max" ? Math.max(...column(e)) : column(e).reduce((sum, x) => sum + x, 0) / states.length,
  );
}
