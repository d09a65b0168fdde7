import { arrayEqual } from "../common/index.ts";
import { type Dimension, type Shape, shapeError, type TensorType } from "./value.ts";

/** A non-negative axis; throws when it is outside the shape. */
export function normalizeAxis(op: string, axis: number, operand: TensorType): number {
  const rank = operand.shape.length;
  const normal = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normal < 0 || normal >= rank)
    throw shapeError(op, `an axis within ${rank} dimensions, not ${axis}`, operand);
  return normal;
}

/** The shape of an elementwise result: sizes must be equal or 1, aligned at the last axis. */
export function broadcast(op: string, ...operands: readonly TensorType[]): Shape {
  const rank = Math.max(...operands.map((operand) => operand.shape.length));
  return Array.from({ length: rank }, (_, i) => {
    let size: Dimension = 1;
    for (const { shape } of operands) {
      const own = shape[i - rank + shape.length] ?? 1;
      if (own === size || own === 1) continue;
      if (size !== 1) throw shapeError(op, "sizes that are equal or 1", ...operands);
      size = own;
    }
    return size;
  });
}

/** Of an elementwise op's operands: which of their axes is the result's axis; none where they are repeated along it. */
export function elementwiseAxes(
  axis: number,
  operands: readonly TensorType[],
  [result]: readonly TensorType[],
): { axes: (number | undefined)[] } {
  const rank = (result as TensorType).shape.length;
  const axes = operands.map(({ shape }) => {
    const own = axis - rank + shape.length;
    return own < 0 || shape[own] === 1 ? undefined : own;
  });
  return { axes };
}

/** Of an op that computes each row of its first operand's last axis by itself: that operand's axis, if it is another. */
export function rowAxes(
  axis: number,
  [x, ...others]: readonly TensorType[],
): { axes: (number | undefined)[] } | undefined {
  const isLast = axis === (x as TensorType).shape.length - 1;
  return isLast ? undefined : { axes: [axis, ...others.map(() => undefined)] };
}

/** The sum of sizes; named ones are joined by "+". */
export function sumOf(sizes: readonly Dimension[]): Dimension {
  const known = sizes.filter((size) => typeof size === "number").reduce((sum, size) => sum + size, 0);
  const named = sizes.filter((size) => typeof size === "string");
  if (named.length === 0) return known;
  return known === 0 ? named.join("+") : [...named, known].join("+");
}

/** The product of sizes as known factor and sorted named factors, so that products can be compared. */
export function productKey(shape: Shape): string {
  let known = 1;
  const named: string[] = [];
  for (const size of shape) {
    for (const factor of typeof size === "number" ? [size] : size.includes("+") ? [size] : size.split("*")) {
      if (/^\d+$/.test(String(factor))) known *= Number(factor);
      else named.push(String(factor));
    }
  }
  return [known, ...named.sort()].join("*");
}

export function sameShape(a: Shape, b: Shape): boolean {
  return arrayEqual(a, b);
}

/** The product of sizes; named ones are joined by "*". */
export function productOf(shape: Shape): Dimension {
  const known = shape.filter((size) => typeof size === "number").reduce((product, size) => product * size, 1);
  const named = shape.filter((size) => typeof size === "string");
  if (named.length === 0) return known;
  return known === 1 ? named.join("*") : [known, ...named].join("*");
}
