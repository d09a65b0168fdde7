import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LecternError } from "../../src/common/index.ts";
import { safetensorsChunks } from "../../src/formats/index.ts";
import { loadModel, type Model, namedTensors } from "../../src/inference/index.ts";
import { fromFloat32, type HostTensor } from "../../src/tensor/index.ts";

/** A config that was drawn, and what the reference computes with it; see random_configs.py. */
export interface RandomConfig {
  readonly seed: number;
  readonly config: Readonly<Record<string, unknown>>;
  readonly dtype: "float32" | "float16" | "bfloat16";
  /** True if the weights lie in two files. */
  readonly sharded: boolean;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly rows: readonly (readonly number[])[];
  readonly pad: number;
  readonly expected: Readonly<Record<string, readonly number[]>>;
}

/** The outcome for one config. */
export type Outcome =
  | { readonly kind: "equal"; readonly difference: number }
  | { readonly kind: "refused" | "wrong"; readonly why: string };

/** Relative to the largest result, or 1 where all are smaller. */
const TOLERANCE = 1e-4;

const table = Uint32Array.from({ length: 256 }, (_, i) => {
  let x = i;
  for (let bit = 0; bit < 8; bit++) x = x & 1 ? (x >>> 1) ^ 0xedb88320 : x >>> 1;
  return x;
});

function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 255] as number);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Weights by a hash of name and index, as `fill` of random_configs.py draws them. */
function weights(name: string, shape: readonly number[]): Float32Array {
  const seed = crc32(name);
  const lower = name.toLowerCase();
  const isNorm = lower.endsWith("weight") && /norm|ln_|_ln/.test(lower);
  const scale = shape.length > 1 ? 2 / (shape.at(-1) as number) ** 0.5 : 0.4;
  return Float32Array.from({ length: shape.reduce((all, size) => all * size, 1) }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b9) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    const unit = x / 2 ** 31 - 1;
    return isNorm ? 1 + 0.4 * unit : unit * scale;
  });
}

async function write(directory: string, { config, dtype, sharded, shapes }: RandomConfig): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
  const tensors = Object.entries(shapes).map(([name, shape]): [string, HostTensor] => [
    name,
    { dtype, shape, data: fromFloat32(dtype, weights(name, shape)) } as HostTensor,
  ]);
  const save = (file: string, own: [string, HostTensor][]): Promise<void> =>
    writeFile(join(directory, file), Buffer.concat(safetensorsChunks(Object.fromEntries(own))));
  if (!sharded) return save("model.safetensors", tensors);
  const half = Math.ceil(tensors.length / 2);
  const names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const map = Object.fromEntries(tensors.map(([name], i) => [name, names[i < half ? 0 : 1]]));
  await writeFile(join(directory, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map: map }));
  await save(names[0] as string, tensors.slice(0, half));
  await save(names[1] as string, tensors.slice(half));
}

/** Loads the model of a config and compares its results with those that were recorded. */
export async function check(drawn: RandomConfig, directory: string): Promise<Outcome> {
  await write(directory, drawn);
  let model: Model;
  try {
    model = await loadModel(directory);
  } catch (error) {
    if (!(error instanceof LecternError)) return { kind: "wrong", why: String(error) };
    const { message } = error;
    const names = [...Object.keys(drawn.config), ...((drawn.config.architectures as string[]) ?? [])];
    return { kind: names.some((name) => message.includes(name)) ? "refused" : "wrong", why: message };
  }
  try {
    return await compare(model, drawn);
  } catch (error) {
    return { kind: "wrong", why: String(error) };
  } finally {
    await model.dispose();
  }
}

async function compare(model: Model, { rows, pad, expected, config }: RandomConfig): Promise<Outcome> {
  const width = Math.max(...rows.map(({ length }) => length));
  let most = 0;
  for (const side of ["right", "left"]) {
    const wanted = Object.entries(expected).filter(([key]) => key.startsWith(`${side}.`));
    if (wanted.length === 0) continue;
    const fill = <T>(row: readonly T[], value: T): T[] => {
      const padding = Array.from({ length: width - row.length }, () => value);
      return side === "left" ? [...padding, ...row] : [...row, ...padding];
    };
    const results = namedTensors(
      await model.forward({
        inputIds: rows.map((row) => fill(row, pad)),
        attentionMask: rows.map((row) =>
          fill<number>(
            row.map(() => 1),
            0,
          ),
        ),
        ...(model.isEncoderDecoder && { decoderInputIds: rows.map(() => [2, 5, 7]) }),
      }),
    );
    for (const [key, reference] of wanted) {
      const name = key.slice(side.length + 1);
      const tensor = results[name];
      if (!tensor) return { kind: "wrong", why: `no ${name}` };
      const own = lastOf(tensor, rows, side, model.isEncoderDecoder);
      if (own.length !== reference.length)
        return { kind: "wrong", why: `${key}: ${own.length} of ${reference.length}` };
      const scale = Math.max(1, ...reference.map(Math.abs));
      for (const [i, value] of own.entries()) most = Math.max(most, Math.abs(value - (reference[i] as number)) / scale);
      if (!(most < TOLERANCE)) return { kind: "wrong", why: `${key}: off by ${most}` };
    }
  }
  const isLm = /(CausalLM|LMHeadModel)$/.test(String((config.architectures as string[])[0]));
  return (isLm && (await checkCache(model, rows[1] as readonly number[]))) || { kind: "equal", difference: most };
}

/** Tokens that are generated over a cache must be the likeliest of a whole pass, too. */
async function checkCache(model: Model, row: readonly number[]): Promise<Outcome | undefined> {
  const found = await model.generate({ inputIds: [[...row]] }, { doSample: false, maxNewTokens: 4 });
  const outputIds = found.outputIds.slice(0, 3); // a config may force the last one
  const { logits } = await model.forward({ inputIds: [[...row, ...outputIds]] });
  const [, , size] = (logits as HostTensor).shape as [number, number, number];
  for (const [i, id] of outputIds.entries()) {
    const at = (row.length - 1 + i) * size;
    const scores = logits?.data.subarray(at, at + size) as Float32Array;
    const best = scores.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
    if (best - (scores[id] as number) > 1e-3 * Math.max(1, Math.abs(best)))
      return {
        kind: "wrong",
        why: `token ${i} over the cache is ${best - (scores[id] as number)} behind the likeliest`,
      };
  }
  return undefined;
}

/** The results at the last token of each row, as random_configs.py takes them. */
function lastOf(
  { shape, data }: HostTensor,
  rows: readonly (readonly number[])[],
  side: string,
  isEncoderDecoder: boolean,
): number[] {
  const width = Math.max(...rows.map(({ length }) => length));
  const [count, length = 0, ...inner] = shape;
  const size = inner.reduce((all, x) => all * x, 1);
  const values = Array.from(data as Float32Array);
  const at = (row: number, token: number): number[] =>
    values.slice((row * length + token) * size, (row * length + token + 1) * size);
  if (isEncoderDecoder && shape.length === 3) return rows.flatMap((_, row) => at(row, length - 1));
  if (shape.length < 2 || isEncoderDecoder || count !== rows.length || length !== width) return values;
  return rows.flatMap((row, i) => at(i, side === "left" ? width - 1 : row.length - 1));
}
