import { check } from "../common/index.ts";
import { type Dimension, IGNORED_LABEL } from "../graph/index.ts";
import { type HostTensor, int64Matrix } from "../tensor/index.ts";
import type { ForwardInputs } from "./forward.ts";

/** Labels in the dtype that the loss takes, those of padding not counted; a decoder's are shifted, so that each position has its next token. */
export function labelsTensor(
  labels: NonNullable<ForwardInputs["labels"]>,
  dtype: string | undefined,
  shifted: boolean,
  padding: number | undefined,
): HostTensor {
  const isMatrix = Array.isArray(labels[0]);
  const rows = isMatrix ? (labels as readonly (readonly number[])[]) : [labels as readonly number[]];
  const counted = rows.map((row) => row.map((id) => (id === padding ? IGNORED_LABEL : id)));
  const moved = shifted ? counted.map((row) => [...row.slice(1), IGNORED_LABEL]) : counted;
  const shape = isMatrix ? [moved.length, moved[0]?.length ?? 0] : [labels.length];
  if (dtype === "float32")
    return { dtype, shape: isMatrix ? shape : [labels.length, 1], data: Float32Array.from(moved.flat()) };
  return { ...int64Matrix(moved), shape };
}

/** Refuses labels outside the classes, which the engine would refuse without naming the row. */
export function checkClasses({ dtype, data, shape }: HostTensor, classes: Dimension | undefined): void {
  if (dtype !== "int64" || typeof classes !== "number") return;
  const at = (data as BigInt64Array).findIndex((id) => (id < 0n || id >= classes) && id !== BigInt(IGNORED_LABEL));
  check(
    at < 0,
    "input",
    () =>
      `labels, row ${Math.floor(at / (shape[1] ?? 1)) + 1}: ${data[at]} is none of the ${classes} classes; give 0 to ${classes - 1}, or ${IGNORED_LABEL} for what is not counted`,
  );
}
