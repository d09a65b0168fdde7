import {
  type AttributesOf,
  apply,
  cachePositions,
  cast,
  type Dimension,
  defineKernel,
  type LowerContext,
  rotaryAt,
  type TensorType,
  type Value,
} from "../../graph/index.ts";
import type { Kernel } from "./kernel.ts";

type Cached = AttributesOf<"cachedAttention">;

function lowerGrouped(c: LowerContext, { heads, keyHeads, scale, softcap, window }: Cached): string[] {
  const attributes = {
    num_heads: heads,
    kv_num_heads: keyHeads,
    scale: { float: scale },
    ...(softcap !== undefined && { softcap: { float: softcap } }),
    ...(window !== undefined && { local_window_size: window }),
    do_rotary: c.inputs.length > 7 ? 1 : 0,
  };
  return c.emitMany("GroupQueryAttention", c.inputs, 3, attributes, "com.microsoft");
}

const groupedOp = defineKernel<Cached>({
  name: "groupQueryAttention",
  infer([q, , , key, value]) {
    return [q as TensorType, key as TensorType, value as TensorType];
  },
  lower: lowerGrouped,
});

/** The head sizes that the engine's operator takes: multiples of 8, and, where it turns queries and keys, of 16. */
const LANES = 8;

/** True if attention over a cache of this head size has a kernel that writes in place. */
export function canAttendInPlace(headSize: number): boolean {
  return headSize % LANES === 0;
}

/** The engine's attention over a cache, which writes into it where the cache is given as the result's place, too. */
export const groupQueryAttention: Kernel<Cached> = {
  name: groupedOp.name,
  tolerance: 1e-5,
  fits: ({ inputs, attributes: { heads } }) => canAttendInPlace(Number(inputs[0]?.shape[2]) / heads),
  build({ inputs, attributes }) {
    const [q, k, v, key, value, last, longest, cos, sin] = inputs as readonly Value[] as [
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
      Value?,
      Value?,
    ];
    const { heads, keyHeads } = attributes;
    const rest = [v, key, value, last, longest];
    if (!cos || !sin || turnsInside((q.shape[2] as number) / heads, cos)) return apply(groupedOp, inputs, attributes);
    const positions = cast(cachePositions(last, q.shape[1] as Dimension), "int64");
    const turned = [q, k].map((x, i) => rotaryAt(x, positions, cos, sin, i === 0 ? heads : keyHeads));
    return apply(groupedOp, [...turned, ...rest], attributes);
  },
};

/** True if the operator can turn queries and keys itself. */
function turnsInside(size: number, cos: Value): boolean {
  return size % (2 * LANES) === 0 && Number(cos.shape[1]) % LANES === 0;
}

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
