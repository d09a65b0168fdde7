import type { Value } from "../graph/index.ts";
import { type Published, readPublished } from "./published.ts";
import { type Quantization, quantizeMatrices } from "./quantize.ts";
import { fuseSkipNorms } from "./skip-norm.ts";
import { pushDownSlices } from "./slice-pushdown.ts";
import { cancelTransposes } from "./transposes.ts";

type Outputs = Readonly<Record<string, Value>>;

/** Options of the passes over a graph. */
export interface PassUse {
  /** The matrices that are read in few bits; default: none. */
  readonly quantization?: Quantization | undefined;
  /** The matrices that are read in the few bits that the checkpoint has them in; default: none. */
  readonly published?: Published | undefined;
  /** True if the graph is differentiated afterwards, which keeps its ops as gradients are written for. */
  readonly isDifferentiated?: boolean;
}

/** A rewriting of a graph: the same results under the same names, computed in another way. */
interface Pass {
  readonly name: string;
  run(outputs: Outputs, use: PassUse): Outputs;
}

/** In this order. Tiling by rows is asked for op by op, where lowering writes a loop. */
const passes: readonly Pass[] = [
  { name: "published", run: (outputs, { published }) => (published ? readPublished(outputs, published) : outputs) },
  {
    name: "quantize",
    run: (outputs, { quantization }) => (quantization ? quantizeMatrices(outputs, quantization) : outputs),
  },
  { name: "transposes", run: cancelTransposes },
  { name: "skip-norm", run: (outputs, { isDifferentiated }) => (isDifferentiated ? outputs : fuseSkipNorms(outputs)) },
  { name: "slice-pushdown", run: pushDownSlices },
];

/** Rewrites a graph by every pass in turn. */
export function runPasses<K extends string>(outputs: Readonly<Record<K, Value>>, use: PassUse = {}): Record<K, Value> {
  return passes.reduce((current: Outputs, pass) => pass.run(current, use), outputs) as Record<K, Value>;
}
