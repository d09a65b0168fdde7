import { checkFields, checkValue, type Rule, rules } from "../../common/index.ts";
import { checkWritable, type FileSource, joinPath, makeDirectory, writeFileAtomic } from "../../files/index.ts";
import { openDirectory } from "../../formats/index.ts";
import type { Dimension } from "../../graph/index.ts";
import type { OnnxGraph } from "../../lowering/index.ts";
import { lowerModel } from "../lower-model.ts";
import { type ModelFiles, openModelFiles, readJsonFile } from "../model-files.ts";
import {
  type ComputedPrecision,
  computedPrecision,
  type Precision,
  precisions,
  quantizeWeights,
} from "../quantize-model.ts";
import { type ExportGraph, exportSteps, exportWhole } from "./graphs.ts";
import { writeOnnxModel } from "./write-onnx-model.ts";

/** The layouts in which ONNX files are written. */
export const onnxLayouts = ["onnx", "transformers.js"] as const;

/** The layout of ONNX files: one graph over whole rows, or what Transformers.js loads. */
export type OnnxLayout = (typeof onnxLayouts)[number];

/** Options of `exportOnnx`. */
export interface ExportOnnxOptions {
  /** The directory to write into, made where there is none. */
  readonly out: string;
  /** Default `onnx`: one graph over whole rows. */
  readonly layout?: OnnxLayout;
  /** The precision of linear layers; default: `float32`, or that of a directory of `lectern quantize`. */
  readonly precision?: Precision;
}

/** A file of `exportOnnx`. */
export interface ExportedGraph {
  /** The file's path below the directory; its weights lie beside it, in a file of that name and `_data`. */
  readonly file: string;
  /** The names of the graph's inputs. */
  readonly inputs: readonly string[];
  /** The names of the graph's outputs. */
  readonly outputs: readonly string[];
  /** The size of graph and weights in bytes. */
  readonly bytes: number;
}

/** A precision that files are written in: matrices that are published in few bits are expanded, or quantized anew. */
export type ExportedPrecision = Exclude<ComputedPrecision, "published">;

/** The result of `exportOnnx`. */
export interface ExportedOnnx {
  /** The precision that was written. */
  readonly precision: ExportedPrecision;
  /** The graphs that were written. */
  readonly graphs: readonly ExportedGraph[];
}

const exportRules: Readonly<Record<keyof ExportOnnxOptions, Rule>> = {
  out: rules.name,
  layout: oneOf(onnxLayouts),
  precision: oneOf(precisions),
};

function oneOf(values: readonly string[]): Rule {
  return { fits: (value) => values.includes(value as string), expected: `one of ${values.join(", ")}` };
}

/** What a file's name says of its precision, and what Transformers.js calls that. */
const namesOf: Readonly<Record<ExportedPrecision, { readonly suffix: string; readonly dtype: string }>> = {
  float32: { suffix: "", dtype: "fp32" },
  int8: { suffix: "_quantized", dtype: "q8" },
  int4: { suffix: "_q4", dtype: "q4" },
};

/** The inputs that stand first, in the order in which other programs have them. */
const FIRST_INPUTS = [
  "input_ids",
  "attention_mask",
  "token_type_ids",
  "position_ids",
  "encoder_attention_mask",
  "decoder_input_ids",
];

/** Files of a directory that programs read beside the graphs. */
const BESIDES = [
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
];

/**
 * Writes a model as ONNX files that onnxruntime loads without Lectern. Masks and positions are computed in the graph;
 * inputs and outputs have the names that Hugging Face optimum gives them.
 *
 * @throws LecternError with code `unsupported` where one graph cannot express the model
 */
export async function exportOnnx(model: string, options: ExportOnnxOptions): Promise<ExportedOnnx> {
  checkValue("export: the model", model, rules.name);
  checkFields("export", { ...options, out: (options as ExportOnnxOptions | null)?.out ?? "" }, exportRules);
  const { out, layout = "onnx" } = options;
  const files = await openDirectory(model);
  const opened = await openModelFiles(files);
  const precision = exportedPrecision(options.precision, opened);
  const { architecture } = opened;
  const graphs = layout === "onnx" ? [exportWhole(architecture)] : exportSteps(architecture);
  await checkWritable(out);
  const folder = layout === "onnx" ? "" : "onnx";
  await makeDirectory(joinPath(out, folder));
  const weights = await quantizeWeights(architecture, opened.weights, precision);
  const { suffix, dtype } = namesOf[precision];
  const written: ExportedGraph[] = [];
  for (const graph of graphs) {
    const lowered = withNamedSizes(lowerModel(graph.outputs, weights, graph.phase, "cpu"), graph);
    const file = joinPath(folder, `${graph.file}${suffix}.onnx`);
    const bytes = await writeOnnxModel(lowered, joinPath(out, file));
    const names = (infos: OnnxGraph["inputs"]): string[] => infos.map(({ name }) => name);
    written.push({ file, inputs: names(lowered.inputs), outputs: names(lowered.outputs), bytes });
  }
  await writeBesides(files, out, layout === "onnx" ? undefined : dtype);
  return { precision, graphs: written };
}

function exportedPrecision(precision: Precision | undefined, { weights }: ModelFiles): ExportedPrecision {
  const { quantized, parameterCount } = weights;
  return computedPrecision(precision, parameterCount, { quantized, hasPublished: false }) as ExportedPrecision;
}

/** The graph with the names of sizes that other programs know. */
function withNamedSizes(graph: OnnxGraph, { sizes }: ExportGraph): OnnxGraph {
  const named = (size: Dimension): Dimension =>
    typeof size === "number"
      ? size
      : size
          .split("+")
          .map((part) => sizes[part] ?? part)
          .join(" + ");
  const renamed = (infos: OnnxGraph["inputs"]): OnnxGraph["inputs"] =>
    infos.map((info) => ({ ...info, shape: info.shape.map(named) }));
  const place = ({ name }: { readonly name: string }): number =>
    FIRST_INPUTS.indexOf(name) + 1 || FIRST_INPUTS.length + 1;
  const inputs = renamed(graph.inputs).toSorted((a, b) => place(a) - place(b));
  return { ...graph, inputs, outputs: renamed(graph.outputs) };
}

/** Writes config.json, which tells Transformers.js of its files, and copies the tokenizer and generation settings. */
async function writeBesides(files: FileSource, out: string, dtype: string | undefined): Promise<void> {
  const config = await readJsonFile(files, "config.json");
  const settings = { use_external_data_format: true, dtype };
  const written = dtype === undefined ? config : { ...config, "transformers.js_config": settings };
  await writeFileAtomic(joinPath(out, "config.json"), `${JSON.stringify(written, null, 2)}\n`);
  for (const name of BESIDES)
    if (await files.has(name)) await writeFileAtomic(joinPath(out, name), await files.readText(name));
}
