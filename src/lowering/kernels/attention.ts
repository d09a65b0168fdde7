import { arrayEqual } from "../../common/index.ts";
import {
  type AttributesOf,
  apply,
  besidesOf,
  cachePositions,
  cast,
  type Dimension,
  defineKernel,
  type LowerContext,
  type Node,
  type OpName,
  ops,
  reshape,
  rotaryAt,
  sumOf,
  type TensorType,
  transpose,
  type Value,
} from "../../graph/index.ts";
import type { Kernel, OpCall, Use } from "./kernel.ts";

type Cached = AttributesOf<"cachedAttention">;

/** Queries, keys and values are apart, or side by side in one operand. */
type Grouped = Cached & { readonly isPacked: boolean };

/** The places of a bias and of sinks among the operands of GroupQueryAttention. */
const [BIAS_AT, SINKS_AT] = [10, 11];

function lowerGrouped(c: LowerContext, attention: Grouped): string[] {
  const { heads, keyHeads, scale, softcap, window, isPacked } = attention;
  const all = isPacked ? [c.inputs[0] as string, "", "", ...c.inputs.slice(1)] : c.inputs;
  const { tables, bias, sinks } = besidesOf(all, attention);
  const parts = [...all.slice(0, 7), ...tables]; // q, k, v, keys, values, last, longest, tables
  const attributes = {
    num_heads: heads,
    kv_num_heads: keyHeads,
    scale: { float: scale },
    ...(softcap !== undefined && { softcap: { float: softcap } }),
    ...(window !== undefined && { local_window_size: window }),
    do_rotary: parts.length > 7 ? 1 : 0,
  };
  const operands = [...parts];
  for (const [at, operand] of [
    [BIAS_AT, bias],
    [SINKS_AT, sinks],
  ] as const)
    if (operand !== undefined) operands.push(...Array.from({ length: at - operands.length }, () => ""), operand);
  return c.emitMany("GroupQueryAttention", operands, 3, attributes, "com.microsoft");
}

const groupedOp = defineKernel<Grouped>({
  name: "groupQueryAttention",
  infer(inputs, { heads, isPacked }) {
    const [batch, length] = (inputs[0] as TensorType).shape as [Dimension, Dimension];
    const [key, value] = inputs.slice(isPacked ? 1 : 3) as [TensorType, TensorType];
    return [{ dtype: "float32", shape: [batch, length, heads * (key.shape[3] as number)] }, key, value];
  },
  lower: lowerGrouped,
});

/** The head sizes that the engine's operator takes: multiples of 8, and, where it turns queries and keys, of 16. */
const LANES = 8;

/** True if attention over a cache of this head size has a kernel that writes in place. */
export function canAttendInPlace(headSize: number): boolean {
  return headSize % LANES === 0;
}

/** True if the engine's grouped attention computes what the decomposition does: its values on WebGPU differ. */
function isRightOn(device: Use["device"]): boolean {
  return device !== "webgpu";
}

/** The engine's attention over a cache, which writes into it where the cache is given as the result's place, too. */
export const groupQueryAttention: Kernel<Cached> = {
  name: groupedOp.name,
  tolerance: 1e-5,
  fits: ({ inputs, attributes: { heads } }, { device }) =>
    isRightOn(device) && canAttendInPlace(Number(inputs[0]?.shape[2]) / heads),
  build({ inputs, attributes }) {
    const { heads, keyHeads } = attributes;
    const [q, k, v, key, value, last, longest] = inputs as readonly Value[] as [
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
    ];
    const { tables, bias, sinks } = besidesOf(inputs, attributes);
    const [cos, sin] = tables;
    const besides = [bias, sinks].filter((operand) => operand !== undefined);
    const rest = [v, key, value, last, longest, ...besides];
    if (!cos || !sin || turnsInside((q.shape[2] as number) / heads, cos)) {
      const packed = packedOf([q, k, v]);
      const operands = packed ? [packed, ...inputs.slice(3)] : inputs;
      return apply(groupedOp, operands, { ...attributes, isPacked: packed !== undefined });
    }
    const positions = cast(cachePositions(last, q.shape[1] as Dimension), "int64");
    const turned = [q, k].map((x, i) => rotaryAt(x, positions, cos, sin, i === 0 ? heads : keyHeads));
    return apply(groupedOp, [...turned, ...rest], { ...attributes, isPacked: false });
  },
};

/** The value that queries, keys and values were split from, in this order and without a rest. */
function packedOf(parts: readonly Value[]): Value | undefined {
  const node = madeBy(parts[0], "split");
  return node && arrayEqual(node.outputs, parts) ? node.inputs[0] : undefined;
}

/** True if the operator can turn queries and keys itself. */
function turnsInside(size: number, cos: Value): boolean {
  return size % (2 * LANES) === 0 && Number(cos.shape[1]) % LANES === 0;
}

/** `[B, T, H·D]`, where heads `[B, H, T, D]` come from it, else joined again. */
function joined(x: Value): Value {
  const [batch, heads, length, size] = x.shape as [Dimension, number, Dimension, number];
  const shape = [batch, length, heads * size];
  const [transposed, reshaped] = [madeBy(x, "transpose"), madeBy(madeBy(x, "transpose")?.inputs[0], "reshape")];
  const source = reshaped?.inputs[0];
  const isSplit = (transposed?.attributes as { permutation?: readonly number[] })?.permutation?.join() === "0,2,1,3";
  if (isSplit && source?.shape.join() === shape.join()) return source;
  return reshape(transpose(x, [0, 2, 1, 3]), shape);
}

/** The node of that name that makes a value. */
function madeBy(x: Value | undefined, name: OpName): Node | undefined {
  return x?.source.kind === "node" && x.source.node.op === ops[name] ? x.source.node : undefined;
}

type Attention = AttributesOf<"attention">;

/** True if a whole pass can be computed without its weights: nothing reads them, drops them, or came before. */
function isPlain({ inputs, reads, attributes }: OpCall<Attention>, { phase }: Use): boolean {
  const [q, k, v, bias, ...rest] = inputs as [Value, Value, Value, Value, ...Value[]];
  const isOneSize = q.shape[3] === v.shape[3] && bias.shape[2] === q.shape[2] && k.shape[2] === bias.shape[3];
  return phase === "forward" && !reads[1] && !attributes.hasDropout && rest.length === 0 && isOneSize;
}

/** Heads `[B, H, T, D]` out of `[B, T, H·D]`; nothing for the weights. */
function separated(x: Value, { shape }: TensorType): readonly (Value | undefined)[] {
  const [batch, heads, length, size] = shape as [Dimension, number, Dimension, number];
  return [transpose(reshape(x, [batch, length, heads, size]), [0, 2, 1, 3]), undefined];
}

const multiHeadOp = defineKernel<{ readonly heads: number; readonly scale: number }>({
  name: "multiHeadAttention",
  infer: ([q]) => [q as TensorType],
  lower(c, { heads, scale }) {
    const [q, k, v, bias] = c.inputs as [string, string, string, string];
    const attributes = { num_heads: heads, scale: { float: scale } };
    return [c.emit("MultiHeadAttention", [q, k, v, "", "", bias], attributes, "com.microsoft")];
  },
});

/** The engine's attention of whole rows, for as many key heads as query heads. */
export const multiHeadAttention: Kernel<Attention> = {
  name: multiHeadOp.name,
  tolerance: 1e-5,
  fits: (call, use) =>
    isPlain(call, use) &&
    call.inputs[0]?.shape[1] === call.inputs[1]?.shape[1] &&
    call.attributes.softcap === undefined,
  build({ inputs, outputs, attributes: { scale } }) {
    const [q, k, v, bias] = inputs as [Value, Value, Value, Value];
    const [mixed] = apply(multiHeadOp, [...[q, k, v].map(joined), bias], { heads: q.shape[1] as number, scale });
    return separated(mixed as Value, outputs[0] as TensorType);
  },
};

/** The number of keys of every row as an int32 scalar, and the place of the last of them, int32 `[B]`. */
function wholeRows(c: LowerContext, batch: Dimension, keys: Dimension): { count: string; last: string } {
  const count = c.emit("Cast", [c.emit("Squeeze", [c.shape([keys])])], { to: 6 });
  const one = c.constant({ dtype: "int32", shape: [], data: Int32Array.of(1) });
  return { count, last: c.emit("Expand", [c.emit("Sub", [count, one]), c.shape([batch])]) };
}

const groupedRowsOp = defineKernel<Omit<Cached, "window">>({
  name: "groupQueryAttentionOfRows",
  infer: ([q]) => [q as TensorType],
  lower(c, { heads, keyHeads, scale, softcap }) {
    const [q, k, v, bias] = c.inputs as [string, string, string, string];
    const [batch, length] = (c.inputTypes[0] as TensorType).shape as [Dimension, Dimension];
    const { count, last } = wholeRows(c, batch, length);
    const attributes = {
      num_heads: heads,
      kv_num_heads: keyHeads,
      scale: { float: scale },
      ...(softcap !== undefined && { softcap: { float: softcap } }),
    };
    const operands = [q, k, v, "", "", last, count, "", "", "", bias];
    return c.emitMany("GroupQueryAttention", operands, 3, attributes, "com.microsoft").slice(0, 1);
  },
});

/** The engine's causal attention of whole rows, for groups of query heads that share a key head. */
export const groupQueryAttentionOfRows: Kernel<Attention> = {
  name: groupedRowsOp.name,
  tolerance: 1e-5,
  fits: (call, use) =>
    isPlain(call, use) &&
    isRightOn(use.device) &&
    (call.attributes.causal ?? false) &&
    canAttendInPlace(Number(call.inputs[0]?.shape[3])),
  build({ inputs, outputs, attributes: { scale, softcap } }) {
    const [q, k, v, bias] = inputs as [Value, Value, Value, Value];
    const attributes = { heads: q.shape[1] as number, keyHeads: k.shape[1] as number, scale, softcap };
    const [mixed] = apply(groupedRowsOp, [...[q, k, v].map(joined), bias], attributes);
    return separated(mixed as Value, outputs[0] as TensorType);
  },
};

const joinedGroupedOp = defineKernel<Omit<Cached, "window">>({
  name: "joinedGroupQueryAttention",
  infer: ([q, , , key], { keyHeads }) => {
    const { dtype, shape } = key as TensorType;
    const [batch, , past, size] = shape as [Dimension, Dimension, Dimension, Dimension];
    const joined = { dtype, shape: [batch, keyHeads, sumOf([past, (q as TensorType).shape[1] as Dimension]), size] };
    return [q as TensorType, joined, joined];
  },
  lower(c, { heads, keyHeads, scale, softcap }) {
    const [q, k, v, key, value, bias, ...sinks] = c.inputs as [string, string, string, string, string, string];
    const [batch, , span] = (c.outputTypes[1] as TensorType).shape as [Dimension, Dimension, Dimension];
    const { count, last } = wholeRows(c, batch, span);
    const attributes = {
      num_heads: heads,
      kv_num_heads: keyHeads,
      scale: { float: scale },
      ...(softcap !== undefined && { softcap: { float: softcap } }),
    };
    const operands = [q, k, v, key, value, last, count, "", "", "", bias, ...sinks];
    return c.emitMany("GroupQueryAttention", operands, 3, attributes, "com.microsoft");
  },
});

/** The engine's attention over earlier keys and values, which yields them with the new ones behind. */
export const joinedGroupQueryAttention: Kernel<AttributesOf<"joinedAttention">> = {
  name: joinedGroupedOp.name,
  tolerance: 1e-5,
  fits: ({ inputs: [q, , v] }) => canAttendInPlace(Number(q?.shape[3])) && q?.shape[3] === v?.shape[3],
  build({ inputs, outputs, attributes: { scale, softcap } }) {
    const [q, k, v, bias, key, value, ...sinks] = inputs as [Value, Value, Value, Value, Value, Value];
    const attributes = { heads: q.shape[1] as number, keyHeads: k.shape[1] as number, scale, softcap };
    const [mixed, ...cache] = apply(
      joinedGroupedOp,
      [...[q, k, v].map(joined), key, value, bias, ...sinks],
      attributes,
    );
    return [separated(mixed as Value, outputs[0] as TensorType)[0], ...cache];
  },
};

const rotaryOp = defineKernel<{ readonly heads: number }>({
  name: "rotaryEmbedding",
  infer: ([x]) => [x as TensorType],
  lower(c, { heads }) {
    const [width, half] = [c.inputTypes[0]?.shape[2] as number, c.inputTypes[2]?.shape[1] as Dimension];
    const isPartial = width / heads !== 2 * Number(half);
    const attributes = { num_heads: heads, ...(isPartial && { rotary_embedding_dim: 2 * Number(half) }) };
    return [c.emit("RotaryEmbedding", c.inputs, attributes, "com.microsoft")];
  },
});

/** The engine's rotary embedding by tables of all positions. */
export const rotaryEmbedding: Kernel<AttributesOf<"rotaryAt">> = {
  name: rotaryOp.name,
  tolerance: 1e-6,
  fits: () => true,
  build: ({ inputs, attributes }) => apply(rotaryOp, inputs, attributes),
};
