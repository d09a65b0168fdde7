import { check, LecternError, ownEntry } from "../../common/index.ts";
import {
  type GgufArchitecture,
  type GgufChange,
  type GgufSizes,
  type JoinedTensor,
  outerNames,
} from "./architecture.ts";
import type { GgufHeader, GgufTensor } from "./header.ts";
import { fusedByHead, halvesFromPairs, type RowOrder, untiled } from "./row-order.ts";
import type { ComputedPlan, TensorPlan } from "./tensors.ts";

/** The settings of the translation of names. */
interface Layout {
  readonly file: string;
  readonly architecture: GgufArchitecture;
  readonly header: GgufHeader;
  readonly sizes: GgufSizes;
  readonly setting: (key: string) => number;
  /** The layers of the model; those behind predict further tokens, which is not computed. */
  readonly layers: number;
}

type Plan = TensorPlan | ComputedPlan;

/** Tensors that settings were read from, or that follow from them. */
const settings = /^rope_(freqs|factors_long|factors_short)\.weight$|\.attn_rot_embd$/;

/** Every tensor of the checkpoint, by its Hugging Face name. */
export function planTensors(layout: Layout): Map<string, Plan> {
  const plans = new Map<string, Plan>();
  const { architecture, header, file } = layout;
  const joined = Object.entries(architecture.joined ?? {});
  const put = (key: string, plan: Plan, name: string): void => {
    check(!plans.has(key), "file", () => `${file}: ${key} is given twice, once by ${name}`);
    plans.set(key, plan);
  };
  for (const [name, tensor] of header.tensors) {
    if (settings.test(name) || Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0) >= layout.layers) continue;
    const [, layer, rest] = /^blk\.(\d+)\.(.+)$/.exec(name) ?? [];
    const made = joined.find(([, { parts }]) => rest !== undefined && parts.includes(rest));
    if (made && layer !== undefined) {
      const [path, how] = made;
      if (rest === how.parts[0]) put(`${rootOf(architecture)}${layer}.${path}`, joinedPlan(layout, layer, how), name);
      continue;
    }
    for (const [key, plan] of partsOf(layout, name, tensor)) put(key, plan, name);
  }
  return plans;
}

function joinedPlan(
  { file, header, setting }: Layout,
  layer: string,
  { parts, shape, values }: JoinedTensor,
): ComputedPlan {
  const sources = parts.map((part) => {
    const tensor = header.tensors.get(`blk.${layer}.${part}`);
    if (!tensor) throw new LecternError("file", `${file} lacks the tensor blk.${layer}.${part}`);
    return tensor;
  });
  const stored = { shapes: sources.map((source) => source.shape), setting };
  return { shape: shape(stored), sources, compute: (parts) => values(parts, stored) };
}

/** A part of a layer, or a tensor outside, that a file names: perhaps an expert's, perhaps without an ending. */
const named =
  /^(?:(enc|dec)\.)?(?:blk\.(\d+)\.)?(\w+?(?:\.(?:conv|in_proj|out_proj))?)(?:\.(\d+))?(?:\.(weight|bias))?$/;

const rootOf = ({ root = "model.layers." }: GgufArchitecture, stack = "enc"): string =>
  root.replace("{}", stack === "enc" ? "encoder" : "decoder");

/** A tensor's name in its parts: which it is, by the name that the architecture has for it, and where it goes. */
interface Named {
  readonly part: string;
  readonly at: string;
  readonly to: string | undefined;
  readonly ending: string | undefined;
  readonly expert: string | undefined;
}

function nameParts(architecture: GgufArchitecture, name: string): Named {
  const [, stack, layer, own = "", expert, ending] = named.exec(name) ?? [];
  const part = `${stack === undefined ? "" : `${stack}.`}${own}${expert === undefined ? "" : "_exps"}`; // older files hold each expert apart
  const known = layer === undefined ? { ...outerNames, ...architecture.outer } : architecture.layer;
  const at = layer === undefined ? "" : `${rootOf(architecture, stack)}${layer}.`;
  return { part, at, to: ownEntry(known, part), ending, expert };
}

/** `blk.3.attn_q.weight` → `model.layers.3.self_attn.q_proj.weight`. */
function pathOf({ at, to = "", ending, expert }: Named): string {
  const path = `${at}${to}.${ending}`;
  return expert === undefined ? path : path.replace("{}", expert);
}

/** The name in GGUF of a tensor of the checkpoint, and which expert's it is; undefined for what has no place there. */
export function ggufName(
  architecture: GgufArchitecture,
  path: string,
): { readonly name: string; readonly expert?: number } | undefined {
  const [, layer, part = "", ending] = /^(?:model\.layers\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(path) ?? [];
  const known = Object.entries(layer === undefined ? outerNames : architecture.layer);
  const expert = /\.experts\.(\d+)\./.exec(part)?.[1];
  const general = expert === undefined ? part : part.replace(`.experts.${expert}.`, ".experts.{}.");
  const found = known.find(([, own]) => own === general)?.[0];
  if (found === undefined) return undefined;
  const name = `${layer === undefined ? "" : `blk.${layer}.`}${found}.${ending}`;
  return expert === undefined ? { name } : { name, expert: Number(expert) };
}

/** The checkpoint's tensors that one of the file stands for: one, one for each expert, or queries, keys and values. */
function partsOf(layout: Layout, name: string, source: GgufTensor): [string, Plan][] {
  const { architecture } = layout;
  const found = nameParts(architecture, name);
  const { part, at, to, ending } = found;
  const isFused = part === "attn_qkv" && to === undefined && "attn_q" in architecture.layer;
  if (isFused) return fusedParts(layout, name, source, found);
  if (to === undefined || (ending === undefined && !to.startsWith("=")))
    throw new LecternError("unsupported", `${layout.file}: tensor ${name} is not one that this architecture has`);
  const change = ending === "bias" ? undefined : ownEntry(architecture.changes ?? {}, part);
  if (change === "transposed") return [[pathOf(found), transposedPlan(source)]];
  const plan = planOf(layout, name, source, part);
  if (to.startsWith("=")) return [[`${at}${to.slice(1)}`, { ...plan, shape: shapeOf(source, change) }]];
  const path = pathOf(found);
  if (!path.includes("{}")) return [[path, { ...plan, shape: shapeOf(source, change) }]];
  const [count, rows, ...rest] = source.shape as [number, number, ...number[]];
  const parts = to.split("+");
  const size = source.byteLength / count / parts.length;
  return Array.from({ length: count }, (_, i) =>
    parts.map((own, part): [string, Plan] => {
      const shape = [rows / parts.length, ...rest];
      const offset = source.offset + (i * parts.length + part) * size;
      return [pathOf({ ...found, to: own.replace("{}", String(i)) }), { ...plan, shape, offset }];
    }),
  ).flat();
}

/** Rows of queries, keys and values, which this checkpoint has apart and some files together. */
function fusedParts(layout: Layout, name: string, source: GgufTensor, found: Named): [string, Plan][] {
  const { architecture, sizes, file } = layout;
  const { heads, keyHeads, headSize } = sizes;
  const all = (heads + 2 * keyHeads) * headSize;
  check(source.shape[0] === all, "file", () => `${file}: ${name} has ${source.shape[0]} rows, not ${all}`);
  let row = 0;
  return (["attn_q", "attn_k", "attn_v"] as const).map((part, i): [string, Plan] => {
    const rows = (i === 0 ? heads : keyHeads) * headSize;
    const offset = source.offset + (row / all) * source.byteLength;
    row += rows;
    const own = { ...found, part, to: architecture.layer[part] };
    return [pathOf(own), { ...planOf(layout, name, source, part), shape: [rows, ...source.shape.slice(1)], offset }];
  });
}

function planOf(layout: Layout, name: string, source: GgufTensor, part: string): TensorPlan {
  const { normOffset, minusExp = [], changes = {}, plainNorms = [] } = layout.architecture;
  const add = /norm\.weight$/.test(name) && !plainNorms.includes(part) ? -normOffset : 0;
  const isMinusExp = minusExp.includes(part);
  const { form } = source.type;
  return {
    dtype: typeof form === "string" && add === 0 && !isMinusExp ? form : "float32",
    shape: source.shape,
    offset: source.offset,
    source,
    order: orderOf(layout, name, source, part),
    add: add || 0,
    isMinusExp,
    columns:
      ownEntry(layout.architecture.tiled ?? {}, part) === "columns" ? untiled("rows", layout.setting) : undefined,
    isExpanded: Object.values(changes).includes("transposed"),
  };
}

/** The order of a tensor's rows, which must be whole heads where it is another than the file's. */
function orderOf(
  { file, architecture, sizes, setting }: Layout,
  name: string,
  { shape }: GgufTensor,
  part: string,
): RowOrder | undefined {
  const isTurned = architecture.pairs && /^attn_[qk]$/.test(part);
  const isFused = ownEntry(architecture.changes ?? {}, part) === "fused-by-head";
  const tiled = ownEntry(architecture.tiled ?? {}, part);
  const own = tiled === undefined || tiled === "columns" ? undefined : untiled(tiled, setting);
  if (!isTurned && !isFused && !own) return undefined;
  const order = own ?? (isFused ? fusedByHead(sizes) : halvesFromPairs(sizes.headSize));
  const [rows] = shape as [number];
  check(
    rows % order.rows === 0 && (!isTurned || order.rows % 2 === 0),
    "file",
    () => `${file}: ${name} has ${rows} rows, which are not whole heads of ${sizes.headSize}`,
  );
  return order;
}

/** A matrix that the checkpoint has as `[inputs, outputs]`. */
function transposedPlan(source: GgufTensor): ComputedPlan {
  const [rows, columns] = source.shape as [number, number];
  return {
    shape: [columns, rows],
    sources: [source],
    compute: ([values = new Float32Array()]) =>
      Float32Array.from({ length: rows * columns }, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? 0),
  };
}

/** The shape that the checkpoint has, where GGUF leaves out an axis of size 1, or adds one. */
function shapeOf({ shape }: GgufTensor, change: GgufChange | undefined): readonly number[] {
  if (change === "without-middle" && shape.length === 2) return [shape[0] as number, 1, shape[1] as number];
  if (change === "flat") return [shape.reduce((product, size) => product * size, 1)];
  return change === "without-first" && shape.length === 1 ? [1, ...shape] : shape;
}
