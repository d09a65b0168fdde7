import { arrayEqual } from "../../common/index.ts";
import { type AdapterPlan, adapterPart } from "../../nn/index.ts";
import { elementCount, type HostTensor } from "../../tensor/index.ts";
import type { WeightFeeds } from "../weights.ts";

/** True if rows with these feeds can be computed in one run: they differ in low-rank changes alone. */
export function canShareRun(a: WeightFeeds, b: WeightFeeds): boolean {
  return a === b || Object.entries(a).every(([name, tensor]) => b[name] === tensor || adapterPart(name) !== undefined);
}

/** Feeds decoding runs with the adapter of each row. */
export class AdapterRows {
  readonly #single = new WeakMap<WeightFeeds, WeightFeeds>();
  #last: { readonly rows: readonly WeightFeeds[]; readonly feeds: WeightFeeds } | undefined;

  /**
   * The feeds of a run: low-rank changes stand once, `[1, …]`, where all rows have the same, else row by row, `[B, …]`,
   * filled up with zeros to one rank.
   */
  feeds(rows: readonly WeightFeeds[]): WeightFeeds {
    const [first] = rows as [WeightFeeds];
    if (rows.every((row) => row === first)) {
      const known = this.#single.get(first) ?? fedTogether([first]);
      this.#single.set(first, known);
      return known;
    }
    if (!this.#last || !arrayEqual(this.#last.rows, rows)) this.#last = { rows, feeds: fedTogether(rows) };
    return this.#last.feeds;
  }
}

/** The feeds of rows in one run: the parts of their adapters one after the other, all else as the first has it. */
function fedTogether(rows: readonly WeightFeeds[]): WeightFeeds {
  return Object.fromEntries(
    Object.entries(rows[0] as WeightFeeds).map(([name, tensor]) => {
      const part = adapterPart(name);
      return [
        name,
        part
          ? stacked(
              part,
              rows.map((row) => row[name] as HostTensor<"float32">),
            )
          : tensor,
      ];
    }),
  );
}

/** One part of several adapters: `[B, r, I]` down, `[B, O, r]` up, `[B, 1, O]` the factor. */
function stacked(part: "down" | "up" | "factor", tensors: readonly HostTensor<"float32">[]): HostTensor<"float32"> {
  const [first] = tensors as [HostTensor<"float32">];
  const count = tensors.length;
  const plain = part === "factor" ? [1, ...first.shape] : first.shape;
  if (count === 1) return { ...first, shape: [1, ...plain] };
  const rankAxis = part === "down" ? 0 : 1;
  const rank = part === "factor" ? 1 : Math.max(...tensors.map(({ shape }) => shape[rankAxis] as number));
  const shape = part === "down" ? [count, rank, plain[1] as number] : [count, plain[0] as number, rank];
  if (part === "factor") shape.splice(1, 2, 1, first.shape[0] as number);
  const size = elementCount(shape.slice(1));
  const data = new Float32Array(count * size);
  for (const [i, tensor] of tensors.entries()) {
    if (part !== "up") data.set(tensor.data, i * size);
    else {
      const own = tensor.shape[1] as number;
      for (let at = 0; at < (tensor.shape[0] as number); at++)
        data.set(tensor.data.subarray(at * own, (at + 1) * own), i * size + at * rank);
    }
  }
  return { dtype: "float32", shape, data };
}

/** A plan whose adapters are fed row by row. */
export function perRow(plan: AdapterPlan | undefined): AdapterPlan | undefined {
  if (!plan) return undefined;
  return (path) => {
    const adapter = plan(path);
    return adapter?.kind === "fed" ? { ...adapter, isPerRow: true } : adapter;
  };
}
