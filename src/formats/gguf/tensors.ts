import { check, LecternError } from "../../common/index.ts";
import type { FileSource } from "../../files/index.ts";
import { byteLength, type DType, elementCount, toFloat32, typedArrays } from "../../tensor/index.ts";
import type { Blocks } from "../quantized/matrix.ts";
import type { AnyTensor } from "../tensor-files.ts";
import { type GgufArchitecture, type GgufChange, outerNames } from "./architectures.ts";
import { blockFormOf, blocksOf } from "./blocks.ts";
import type { GgufHeader, GgufTensor } from "./header.ts";

/** The derivation of a checkpoint's tensor from one of the file. */
export interface TensorPlan {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The start of its own part of the file's tensor: an expert's. */
  readonly offset: number;
  readonly source: GgufTensor;
  /** Rows of a head whose neighbouring pairs become halves; 0 where rows stay in order. */
  readonly headRows: number;
  /** An offset that is added to each value. */
  readonly add: number;
  /** True if values are −exp of the checkpoint's. */
  readonly isMinusExp: boolean;
}

/** True if a tensor lies in the file just as the checkpoint has it. */
function isAsStored({ source, headRows, add, isMinusExp }: TensorPlan): boolean {
  return typeof source.type.form === "string" && headRows === 0 && add === 0 && !isMinusExp;
}

/** The settings of the translation of names. */
interface Layout {
  readonly file: string;
  readonly architecture: GgufArchitecture;
  readonly header: GgufHeader;
  readonly headSize: number;
  /** The layers of the model; those behind predict further tokens, which is not computed. */
  readonly layers: number;
}

/** Tensors that settings were read from, or that follow from them. */
const settings = /^rope_(freqs|factors_long|factors_short)\.weight$|\.attn_rot_embd$/;

/** Every tensor of the checkpoint, by its Hugging Face name. */
export function planTensors(layout: Layout): Map<string, TensorPlan> {
  const plans = new Map<string, TensorPlan>();
  for (const [name, tensor] of layout.header.tensors) {
    if (settings.test(name) || Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0) >= layout.layers) continue;
    const path = pathOf(layout.architecture, name);
    if (path === undefined)
      throw new LecternError("unsupported", `${layout.file}: tensor ${name} is not one that this architecture has`);
    for (const [key, plan] of partsOf(layout, path, name, tensor)) {
      check(!plans.has(key), "file", () => `${layout.file}: ${key} is given twice, once by ${name}`);
      plans.set(key, plan);
    }
  }
  return plans;
}

/** A part of a layer, or a tensor outside, that a file names: perhaps an expert's, perhaps without an ending. */
const named = /^(?:blk\.(\d+)\.)?(\w+?(?:\.(?:conv|in_proj|out_proj))?)(?:\.(\d+))?(?:\.(weight|bias))?$/;

/** `blk.3.attn_q.weight` → `model.layers.3.self_attn.q_proj.weight`; undefined for what the architecture has not. */
function pathOf(architecture: GgufArchitecture, name: string): string | undefined {
  const [, layer, part = "", expert, ending] = named.exec(name) ?? [];
  const known = layer === undefined ? { ...outerNames, ...architecture.outer } : architecture.layer;
  const own = expert === undefined ? part : `${part}_exps`; // older files hold each expert apart
  if (!Object.hasOwn(known, own)) return undefined;
  const at = layer === undefined ? "" : `${architecture.root ?? "model.layers."}${layer}.`;
  const to = known[own] as string;
  if (to.startsWith("=")) return `${at}${to.slice(1)}`;
  if (ending === undefined) return undefined;
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

/** A tensor of all experts becomes one for each. */
function partsOf(layout: Layout, path: string, name: string, source: GgufTensor): [string, TensorPlan][] {
  const { architecture, headSize } = layout;
  const isNorm = /norm\.weight$/.test(name);
  const add = isNorm ? -architecture.normOffset : 0;
  const headRows = architecture.pairs && /\.attn_[qk]\.(weight|bias)$/.test(name) ? headSize : 0;
  check(
    headRows === 0 || ((source.shape[0] as number) % headRows === 0 && headRows % 2 === 0),
    "file",
    () => `${layout.file}: ${name} has ${source.shape[0]} rows, which are not whole heads of ${headRows}`,
  );
  const { form } = source.type;
  const change = architecture.changes?.[named.exec(name)?.[2] ?? ""];
  const isMinusExp = change === "minus-exp";
  const dtype = typeof form === "string" && add === 0 && !isMinusExp ? form : "float32";
  const plan = { dtype, source, headRows, add, isMinusExp };
  if (!path.includes("{}")) return [[path, { ...plan, shape: shapeOf(source, change), offset: source.offset }]];
  const [count, ...shape] = source.shape as [number, ...number[]];
  return Array.from({ length: count }, (_, i) => [
    path.replace("{}", String(i)),
    { ...plan, shape, offset: source.offset + (i * source.byteLength) / count },
  ]);
}

/** The shape that the checkpoint has, where GGUF leaves out an axis of size 1. */
function shapeOf({ shape }: GgufTensor, change: GgufChange | undefined): readonly number[] {
  if (change === "without-middle" && shape.length === 2) return [shape[0] as number, 1, shape[1] as number];
  return change === "without-first" && shape.length === 1 ? [1, ...shape] : shape;
}

/** The approximate number of bytes of a tensor that are decoded at once. */
const PIECE_BYTES = 1 << 20;

/** Some rows of a tensor as the file has them. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly columns: number;
  readonly rows: number;
}

/** The bytes of a tensor's rows in the file, piece by piece; whole heads where their rows change places. */
async function* storedPieces(
  { files, name }: Place,
  { source, shape, headRows, offset }: TensorPlan,
  from = 0,
  to?: number,
): AsyncGenerator<Piece> {
  const isVector = shape.length < 2;
  const columns = isVector ? (headRows > 0 ? 1 : elementCount(shape)) : (shape.at(-1) as number);
  const end = to ?? elementCount(shape) / columns;
  const rowBytes = (columns / source.type.values) * source.type.bytes;
  const group = headRows || 1;
  const atOnce = group * Math.max(1, Math.floor(PIECE_BYTES / (rowBytes * group)));
  for (let row = from; row < end; row += atOnce) {
    const rows = Math.min(atOnce, end - row);
    const bytes = await files.readBytes(source.file ?? name, offset + row * rowBytes, rows * rowBytes);
    yield { bytes, columns, rows };
  }
}

/** A GGUF file in its directory. */
export interface Place {
  readonly files: FileSource;
  readonly name: string;
}

/** A checkpoint's tensor: where it lies in the file, or its derivation. */
export function tensorOf(place: Place, plan: TensorPlan): AnyTensor {
  const { dtype, shape, source, offset } = plan;
  const file = source.file ?? place.name;
  if (isAsStored(plan)) return { dtype, shape, file, offset, byteLength: byteLength(dtype, elementCount(shape)) };
  const form = shape.length === 2 && plan.add === 0 && !plan.isMinusExp ? blockFormOf(source.type) : undefined;
  return {
    dtype,
    shape,
    sources: [file],
    pieces: (from, to) => valuePieces(place, plan, from, to),
    quantized: form && {
      form,
      method: source.type.name,
      isExact: true,
      blocks: () => blockPieces(place, plan),
      order: () => Promise.reject(new TypeError(`${source.type.name} keeps the order of inputs`)),
    },
  };
}

/** The bytes that a tensor has in the checkpoint, or those of some of its rows, piece by piece. */
async function* valuePieces(place: Place, plan: TensorPlan, from?: number, to?: number): AsyncGenerator<Uint8Array> {
  const { headRows, add, dtype, isMinusExp } = plan;
  const group = headRows || 1;
  const [start, end] = [from && from - (from % group), to && Math.ceil(to / group) * group]; // whole heads
  let row = start ?? 0;
  for await (const { bytes, columns, rows } of storedPieces(place, plan, start, end)) {
    const values = decoded(bytes, plan, rows * columns);
    if (add !== 0) for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + add;
    if (isMinusExp) for (let i = 0; i < values.length; i++) values[i] = Math.log(-(values[i] as number));
    const whole = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const rowBytes = byteLength(dtype, columns);
    const turned = halvesFromPairs(whole, rowBytes, headRows);
    yield turned.subarray(Math.max(0, (from ?? row) - row) * rowBytes, ((to ?? row + rows) - row) * rowBytes);
    row += rows;
  }
}

/** The blocks of a matrix, piece by piece. */
async function* blockPieces(place: Place, plan: TensorPlan): AsyncGenerator<Blocks> {
  for await (const { bytes, rows } of storedPieces(place, plan)) {
    const { levels, scales, offsets } = blocksOf(bytes, plan.source.type);
    const turned = <A extends Uint8Array | Float32Array>({ buffer, byteLength }: A): Uint8Array =>
      halvesFromPairs(new Uint8Array(buffer, 0, byteLength), byteLength / rows, plan.headRows);
    yield {
      levels: turned(levels),
      scales: new Float32Array(turned(scales).buffer),
      offsets: offsets && new Float32Array(turned(offsets).buffer),
    };
  }
}

/** As floats, where the checkpoint has them so; else the elements as they stand. */
function decoded(bytes: Uint8Array, { source, dtype }: TensorPlan, count: number): Float32Array | Uint16Array {
  const { form } = source.type;
  if (typeof form !== "string") {
    const values = new Float32Array(count);
    form(bytes, values);
    return values;
  }
  const stored = new typedArrays[form](bytes.buffer, bytes.byteOffset, count) as Float32Array | Uint16Array;
  return dtype === "float32" ? toFloat32(form, stored) : stored;
}

/** Rows 0, 2 … 1, 3 … of each head, as Hugging Face has them, as 0, 1, 2, 3 …: neighbours are turned together. */
export function pairsFromHalves(values: Float32Array, rows: number, headRows: number): Float32Array {
  const out = new Float32Array(values.length);
  const [width, half] = [values.length / rows, headRows / 2];
  for (let to = 0; to < rows; to++) {
    const row = to % headRows;
    const from = to - row + (row % 2) * half + (row >> 1);
    out.set(values.subarray(from * width, (from + 1) * width), to * width);
  }
  return out;
}

/** Rows 0, 1, 2, 3 … of each head as 0, 2 … 1, 3 …: llama.cpp turns neighbours, Hugging Face halves. */
function halvesFromPairs(bytes: Uint8Array, rowBytes: number, headRows: number): Uint8Array {
  if (headRows === 0) return bytes;
  const out = new Uint8Array(bytes.length);
  const half = headRows / 2;
  for (let to = 0; to < bytes.length / rowBytes; to++) {
    const [head, row] = [Math.floor(to / headRows), to % headRows];
    const from = head * headRows + (row < half ? 2 * row : 2 * (row - half) + 1);
    out.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), to * rowBytes);
  }
  return out;
}
