import { int8Linear, ops, parameter, quantizedLinear, rewrite, type Value, type WeightLayout } from "../graph/index.ts";

/** The ways in which matrices are stored in few bits. */
export type QuantizedPrecision = "int8" | "int4";

/** The number of weights that share a scale in int4, as in GGUF's Q4_0; in int8, all of an output's weights do. */
export const INT4_BLOCK = 32;

/** A part of a matrix that is stored in few bits: the parameter of a graph that it is. */
export interface QuantizedPart {
  /** The path of the matrix in the checkpoint. */
  readonly path: string;
  readonly layout: WeightLayout;
  readonly precision: QuantizedPrecision;
  readonly part: "levels" | "scales";
}

/** Matrices with fewer outputs stay as they are: classes, and the routers of experts. */
const LEAST_OUTPUTS = 64;

/**
 * Rewrites a graph so that its linear layers read matrices in few bits; in int4, where their inputs are whole blocks.
 *
 * @param isFixed true for the paths of matrices that do not change
 */
export function quantizeLinears<K extends string>(
  outputs: Readonly<Record<K, Value>>,
  precision: QuantizedPrecision,
  isFixed: (path: string) => boolean,
): Record<K, Value> {
  const keys = Object.keys(outputs) as K[];
  const rewritten = rewrite(
    keys.map((key) => outputs[key]),
    ({ op, attributes }, [x, weight, bias]) => {
      if (op !== ops.linear || weight?.source.kind !== "parameter" || !isFixed(weight.source.name)) return undefined;
      const path = weight.source.name;
      const { layout } = attributes as { layout: WeightLayout };
      const sizes = sizesOf(weight.shape as readonly [number, number], layout);
      if (sizes[0] < LEAST_OUTPUTS || (precision === "int4" && sizes[1] % INT4_BLOCK !== 0)) return undefined;
      const part = (part: QuantizedPart["part"], shape: readonly number[], dtype: "uint8" | "int8" | "float32") =>
        parameter(nameOf({ path, layout, precision, part }), shape, dtype);
      return [precision === "int4" ? int4(x as Value, sizes, bias, part) : int8(x as Value, sizes, bias, part)];
    },
  );
  return Object.fromEntries(keys.map((key, i) => [key, rewritten[i]])) as Record<K, Value>;
}

type Sizes = readonly [outSize: number, inSize: number];
type PartOf = (part: QuantizedPart["part"], shape: readonly number[], dtype: "uint8" | "int8" | "float32") => Value;

function int4(x: Value, [outSize, inSize]: Sizes, bias: Value | undefined, part: PartOf): Value {
  const count = inSize / INT4_BLOCK;
  const levels = part("levels", [outSize, count, INT4_BLOCK / 2], "uint8");
  return quantizedLinear(x, [levels, part("scales", [outSize, count], "float32")], bias, {
    bits: 4,
    block: INT4_BLOCK,
  });
}

function int8(x: Value, [outSize, inSize]: Sizes, bias: Value | undefined, part: PartOf): Value {
  return int8Linear(x, [part("levels", [inSize, outSize], "int8"), part("scales", [outSize], "float32")], bias);
}

/** The sizes of a matrix's outputs and inputs. */
export function sizesOf(shape: readonly [number, number], layout: WeightLayout): Sizes {
  return layout === "out-in" ? shape : [shape[1], shape[0]];
}

function nameOf({ path, layout, precision, part }: QuantizedPart): string {
  return `${path}#${precision}.${layout}.${part}`;
}

const quantized = /^(.*)#(int4|int8)\.(out-in|in-out)\.(levels|scales)$/;

/** The part of a quantized matrix that a parameter's name stands for; undefined for other parameters. */
export function quantizedPart(name: string): QuantizedPart | undefined {
  const [, path, precision, layout, part] = quantized.exec(name) ?? [];
  if (path === undefined) return undefined;
  return {
    path,
    precision: precision as QuantizedPrecision,
    layout: layout as WeightLayout,
    part: part as QuantizedPart["part"],
  };
}
