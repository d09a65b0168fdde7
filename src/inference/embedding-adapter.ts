import { check, LecternError } from "../common/index.ts";
import type { Architecture } from "../families/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { Adapter } from "./adapters/adapters.ts";
import { endsWith, type LoraConfig, modulePlan } from "./adapters/lora-config.ts";
import { isEmbedding, isSharedEmbedding, tiedRefused } from "./tied-embeddings.ts";

/** The names of a change of embeddings, after the module's name: in PEFT's files, and here. */
const SUFFIXES = {
  lora_embedding_A: ".lora_embedding_A",
  lora_embedding_B: ".lora_embedding_B",
  "token_adapter.trainable_tokens_delta": ".lora_token_rows",
} as const;

const NAME = /^(.*)\.(lora_embedding_A|lora_embedding_B|token_adapter\.trainable_tokens_delta)$/;

type Shapes = ReadonlyMap<string, readonly number[]>;

/** The path and shape of a tensor that changes embeddings, by its bare name; undefined for other tensors. */
export function embeddingParameter(
  bare: string,
  {
    directory,
    config,
    architecture,
    shapes,
  }: {
    readonly directory: string;
    readonly config: LoraConfig;
    readonly architecture: Architecture;
    readonly shapes: Shapes;
  },
): { readonly path: string; readonly shape: readonly number[] } | undefined {
  const [, module = "", suffix] = NAME.exec(bare) ?? [];
  const table = [module, architecture.family.checkpoint.prefix + module].find((path) => shapes.has(`${path}.weight`));
  if (suffix === undefined || table === undefined) return undefined;
  const [count, size] = shapes.get(`${table}.weight`) as [number, number];
  const path = table + SUFFIXES[suffix as keyof typeof SUFFIXES];
  if (suffix.startsWith("token_adapter")) return { path, shape: [rowsOf(config, table).length, size] };
  if (isSharedEmbedding(table, architecture)) throw tiedRefused(directory, bare);
  const change = modulePlan(config)(table);
  check(change, "config", () => `${directory}: target_modules does not name ${module}, whose change the adapter holds`);
  if (config.useDora)
    throw new LecternError(
      "unsupported",
      `${directory}: DoRA of the embeddings ${module} is not supported; merge the adapter with PEFT's merge_and_unload`,
    );
  return { path, shape: suffix === "lora_embedding_A" ? [change.rank, count] : [size, change.rank] };
}

/** The rows of a table that an adapter replaces. */
function rowsOf({ trainableTokens = {} }: LoraConfig, table: string): readonly number[] {
  const named = Object.keys(trainableTokens).find((name) => name !== "" && endsWith(table, name));
  return trainableTokens[named ?? ""] ?? [];
}

/** The tables of embeddings among some parameters that settings target. */
export function targetedTables(config: LoraConfig, parameters: Iterable<string>): string[] {
  const changeOf = modulePlan(config);
  const tables = [...parameters].flatMap((path) => /^(.*)\.weight$/.exec(path)?.[1] ?? []);
  return tables.filter((table) => isEmbedding(table) && changeOf(table));
}

/** The first change of embeddings that settings ask for and an adapter's file lacks. */
export function missingEmbedding({ config, parameters }: Adapter, shapes: Shapes): string | undefined {
  const wanted = targetedTables(config, shapes.keys()).flatMap((table) => [
    `${table}.lora_embedding_A`,
    `${table}.lora_embedding_B`,
  ]);
  const lacks = wanted.find((path) => !parameters[path]);
  if (lacks !== undefined) return lacks;
  const count = Object.values(config.trainableTokens ?? {}).filter((ids) => ids.length > 0).length;
  const held = Object.keys(parameters).filter((path) => path.endsWith(".lora_token_rows")).length;
  return held < count ? "token_adapter.trainable_tokens_delta" : undefined;
}

/** The paths of the tables that an adapter changes without holding them whole. */
export function changedTables({ parameters }: Adapter): string[] {
  const paths = Object.keys(parameters).flatMap(
    (path) => /^(.*)\.lora_(?:embedding_A|token_rows)$/.exec(path)?.[1] ?? [],
  );
  return [...new Set(paths)];
}

/** A table `[N, E]` with an adapter's change: W + s · (B A)ᵀ, then the rows that it replaces. */
export function changedTable(
  { config, parameters }: Adapter,
  table: string,
  base: HostTensor<"float32">,
): HostTensor<"float32"> {
  const [count, size] = base.shape as [number, number];
  const data = Float32Array.from(base.data);
  const [a, b] = [parameters[`${table}.lora_embedding_A`], parameters[`${table}.lora_embedding_B`]];
  const { rank = 0, scale = 0 } = (a && b && modulePlan(config)(table)) || {};
  for (let row = 0; a && b && row < count; row++)
    for (let e = 0; e < size; e++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += (a.data[r * count + row] as number) * (b.data[e * rank + r] as number);
      data[row * size + e] = (data[row * size + e] as number) + scale * sum;
    }
  const rows = parameters[`${table}.lora_token_rows`];
  const ids = rows ? rowsOf(config, table) : [];
  for (const [i, id] of ids.entries()) {
    check(id < count, "config", () => `adapter_config.json: trainable_token_indices ${id} is not one of ${count} rows`);
    data.set((rows as HostTensor<"float32">).data.subarray(i * size, (i + 1) * size), id * size);
  }
  return { dtype: "float32", shape: base.shape, data };
}
