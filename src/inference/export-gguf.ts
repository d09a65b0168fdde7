import { check, checkFields, checkValue, LecternError, type Rule, rules } from "../common/index.ts";
import type { LlamaConfig } from "../families/index.ts";
import type { FileSource } from "../files/index.ts";
import { writeFileAtomic } from "../files/node.ts";
import {
  architectureFor,
  fitsBlocks,
  type GgufArchitecture,
  type GgufEntry,
  type GgufOutput,
  ggufName,
  ggufPieces,
  openDirectory,
  pairsFromHalves,
  samplingEntries,
  tokenizerEntries,
  type WrittenType,
  writtenTypes,
} from "../formats/index.ts";
import { parseCheckpointOptions } from "../generation/index.ts";
import { toFloat32 } from "../tensor/index.ts";
import { ggufSettings } from "./gguf-settings.ts";
import { generating, type ModelFiles, openModelFiles, readJsonFile } from "./model-files.ts";

/** Options of `exportGguf`. */
export interface ExportGgufOptions {
  /** The type in which matrices are stored; norms and other vectors stay in float32. Default F16. */
  readonly type?: WrittenType;
  /** The file to write. */
  readonly out: string;
  /** The model's name in the file; default that of its directory. */
  readonly name?: string;
  /** Default what the front matter of the directory's README.md says. */
  readonly license?: string;
}

/** The result of `exportGguf`. */
export interface ExportedGguf {
  /** The number of tensors in the file. */
  readonly tensors: number;
  /** Names of matrices that stay in float32, because their rows are no whole blocks. */
  readonly kept: readonly string[];
}

const exportRules: Readonly<Record<keyof ExportGgufOptions, Rule>> = {
  type: {
    fits: (value) => writtenTypes.includes(value as WrittenType),
    expected: `one of ${writtenTypes.join(", ")}`,
  },
  out: rules.name,
  name: rules.text,
  license: rules.text,
};

/** `general.file_type` of each type. */
const fileTypes: Readonly<Record<WrittenType, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7, BF16: 32 };

/** Writes a model with its tokenizer as one GGUF file, which llama.cpp and programs made of it load. */
export async function exportGguf(model: string, options: ExportGgufOptions): Promise<ExportedGguf> {
  checkValue("export: the model", model, rules.name);
  checkFields("export", { ...options, out: (options as ExportGgufOptions | null)?.out ?? "" }, exportRules);
  const { type = "F16", out } = options;
  const files = await openDirectory(model);
  const modelFiles = await openModelFiles(files);
  generating(modelFiles);
  const { name, architecture } = architectureFor(String(modelFiles.json.model_type));
  const config = modelFiles.architecture.config as LlamaConfig;
  const settings = ggufSettings(name, architecture, config);
  const weights = outputsOf(modelFiles, architecture, config, type);
  const metadata: GgufEntry[] = [
    ["general.architecture", "string", name],
    ["general.type", "string", "model"],
    ["general.name", "string", options.name ?? nameOf(model)],
    ...(await licenseEntries(files, options.license)),
    ["general.file_type", "u32", fileTypes[type]],
    ["general.quantization_version", "u32", 2],
    ...samplingEntries(await samplingOf(files)),
    ...settings.entries,
    ...(await readTokenizer(files, modelFiles)),
  ];
  const tensors = [...settings.tensors, ...weights];
  await writeFileAtomic(out, ggufPieces(metadata, tensors));
  const kept = weights.filter((tensor) => tensor.shape.length > 1 && tensor.type !== type);
  return { tensors: tensors.length, kept: kept.map((tensor) => tensor.name) };
}

/** The checkpoint's sampling settings; programs that read the file have defaults of their own for those left out. */
async function samplingOf(files: FileSource): Promise<Parameters<typeof samplingEntries>[0]> {
  const has = await files.has("generation_config.json");
  const config = parseCheckpointOptions(has ? await readJsonFile(files, "generation_config.json") : {});
  const { doSample, temperature = 1, topK = 50, topP = 1, minP = 0, repetitionPenalty } = config;
  return {
    ...(doSample && { temperature, top_k: topK, top_p: topP, min_p: minP }),
    ...(repetitionPenalty !== undefined && { repetition_penalty: repetitionPenalty }),
  };
}

function nameOf(model: string): string {
  return model
    .replace(/[/\\]+$/, "")
    .replace(/^.*[/\\]/, "")
    .replace(/\.gguf$/i, "");
}

async function licenseEntries(files: FileSource, given: string | undefined): Promise<GgufEntry[]> {
  const readme = given === undefined && (await files.has("README.md")) ? await files.readText("README.md") : "";
  const [, matter = ""] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readme) ?? [];
  const license = given ?? /^license:\s*(\S.*)$/m.exec(matter)?.[1];
  return license === undefined ? [] : [["general.license", "string", license]];
}

async function readTokenizer(files: FileSource, { json, architecture }: ModelFiles): Promise<GgufEntry[]> {
  check(
    await files.has("tokenizer.json"),
    "unsupported",
    () => `export: ${files.location} has no tokenizer.json, and a GGUF file is not whole without a tokenizer`,
  );
  const config = (await files.has("tokenizer_config.json")) ? await readJsonFile(files, "tokenizer_config.json") : {};
  const apart = (await files.has("chat_template.jinja")) ? await files.readText("chat_template.jinja") : undefined;
  const inConfig = typeof config.chat_template === "string" ? config.chat_template : undefined;
  return tokenizerEntries({
    json: await readJsonFile(files, "tokenizer.json"),
    config,
    template: apart ?? inConfig,
    ids: json,
    vocabSize: architecture.config.vocabSize,
  });
}

/** The sources of a tensor of the file: one of the checkpoint, or one of each expert. */
function outputsOf(
  { weights }: ModelFiles,
  architecture: GgufArchitecture,
  config: LlamaConfig,
  type: WrittenType,
): GgufOutput[] {
  const sources = new Map<string, string[]>();
  for (const stored of weights.checkpoint.names()) {
    const path = stored.startsWith("model.") || stored.startsWith("lm_head.") ? stored : `model.${stored}`;
    if (/rotary_emb\.inv_freq$/.test(path) || (config.tieWordEmbeddings && path === "lm_head.weight")) continue;
    const found = ggufName(architecture, path);
    if (!found) throw new LecternError("unsupported", `export: the tensor ${stored} has no place in GGUF`);
    const parts = sources.get(found.name) ?? [];
    parts[found.expert ?? 0] = stored;
    sources.set(found.name, parts);
  }
  return [...sources].map(([name, parts]): GgufOutput => {
    const own = weights.checkpoint.info(parts[0] as string).shape;
    const isVector = own.length < 2 || name.includes("ffn_gate_inp"); // what routes to experts stays exact
    const shape = name.includes("_exps") ? [parts.length, ...own] : own;
    const fits = !isVector && fitsBlocks(type, own.at(-1) as number);
    const change = {
      add: /norm\.weight$/.test(name) ? architecture.normOffset : 0,
      headRows: architecture.pairs && /\.attn_[qk]\./.test(name) ? config.headSize : 0,
    };
    return { name, shape, type: fits ? type : "F32", values: () => valuesOf(weights, parts, change) };
  });
}

/** The number of values that are encoded at once, about. */
const PIECE_VALUES = 1 << 20;

async function* valuesOf(
  { checkpoint }: ModelFiles["weights"],
  parts: readonly string[],
  { add, headRows }: { readonly add: number; readonly headRows: number },
): AsyncGenerator<Float32Array> {
  for (const part of parts) {
    const { dtype, shape, data } = await checkpoint.read(part);
    const stored = toFloat32(dtype, data);
    const values = headRows > 0 ? pairsFromHalves(stored, shape[0] as number, headRows) : stored;
    const width = shape.length < 2 ? values.length : (shape.at(-1) as number);
    const atOnce = width * Math.max(1, Math.floor(PIECE_VALUES / width));
    for (let at = 0; at < values.length; at += atOnce) {
      const piece = values.subarray(at, at + atOnce);
      yield add === 0 ? piece : piece.map((value) => value + add);
    }
  }
}
