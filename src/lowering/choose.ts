import { LecternError, ownEntry } from "../common/index.ts";
import { type CompositeOp, formatShape, type Node, ops, type TensorType, type Value } from "../graph/index.ts";
import { kernels as builtIn } from "./kernels/index.ts";
import type { Kernel, OpCall, Use } from "./kernels/kernel.ts";

type AnyKernel = Kernel<object>;

/** The kernels of an op; an op from outside has none, whatever its name. */
function kernelsOf(op: Node["op"]): readonly AnyKernel[] {
  if (ownEntry(ops, op.name) !== op) return [];
  return (ownEntry(builtIn, op.name) ?? []) as readonly AnyKernel[];
}

/**
 * The results of a composite: those of the first kernel that fits the call and the use, or of its decomposition. What
 * nothing reads may be undefined.
 */
export function buildComposite(
  op: CompositeOp<object>,
  call: OpCall<object>,
  use: Use,
  candidates: readonly AnyKernel[] = kernelsOf(op),
): readonly (Value | undefined)[] {
  const kernel = candidates.find((kernel) => kernel.fits(call, use));
  if (!kernel) return op.decomposition(call.inputs, call.attributes);
  const results = kernel.build(call);
  for (const [i, expected] of call.outputs.entries())
    if (call.reads[i]) checkResult(op.name, kernel.name, results[i], expected);
  return results;
}

function checkResult(op: string, kernel: string, got: TensorType | undefined, expected: TensorType): void {
  const text = ({ dtype, shape }: TensorType): string => `${dtype}${formatShape(shape)}`;
  if (got && text(got) === text(expected)) return;
  throw new LecternError(
    "shape",
    `kernel ${kernel} of ${op}: expected a result of ${text(expected)}; got ${got ? text(got) : "none"}`,
  );
}
