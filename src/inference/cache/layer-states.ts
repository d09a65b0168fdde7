import { type StateShape, stateName } from "../../nn/index.ts";
import type { HostTensor } from "../../tensor/index.ts";

type State = HostTensor<"float32">;

const sizeOf = ({ shape }: StateShape): number => shape.reduce((product, size) => product * size, 1);

/** States of layers by rows, one tensor `[B, …]` each. They are never written to: a step gives new ones. */
export class LayerStates {
  readonly #shapes: readonly StateShape[];
  readonly #tensors: readonly State[];

  private constructor(shapes: readonly StateShape[], tensors: readonly State[]) {
    this.#shapes = shapes;
    this.#tensors = tensors;
  }

  /** The states of rows that have read nothing. */
  static first(shapes: readonly StateShape[], rows: number): LayerStates {
    const filled = (of: StateShape): State => ({
      dtype: "float32",
      shape: [rows, ...of.shape],
      data: new Float32Array(rows * sizeOf(of)).fill(of.first),
    });
    return new LayerStates(shapes, shapes.map(filled));
  }

  /** The number of states. */
  get count(): number {
    return this.#shapes.length;
  }

  /** The number of bytes that they hold. */
  get byteLength(): number {
    return this.#tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  }

  /** The states as a graph's inputs. */
  feeds(): Record<string, HostTensor> {
    return Object.fromEntries(this.#tensors.map((tensor, i) => [stateName("past", i), tensor]));
  }

  /** The states that a run returned. */
  next(results: Readonly<Record<string, HostTensor>>): LayerStates {
    return new LayerStates(
      this.#shapes,
      this.#shapes.map((_, i) => results[stateName("present", i)] as State),
    );
  }

  /** Some of the rows, in the given order; an index may come twice. */
  select(indices: readonly number[]): LayerStates {
    return LayerStates.join(
      indices.map((row) => ({ states: this, row })),
      this.#shapes,
    );
  }

  /** Rows of several, copied. */
  static join(
    rows: readonly { readonly states: LayerStates; readonly row: number }[],
    shapes: readonly StateShape[],
  ): LayerStates {
    const joined = LayerStates.first(shapes, rows.length);
    for (const [i, shape] of shapes.entries()) {
      const size = sizeOf(shape);
      for (const [to, { states, row }] of rows.entries()) {
        const { data } = states.#tensors[i] as State;
        (joined.#tensors[i] as State).data.set(data.subarray(row * size, (row + 1) * size), to * size);
      }
    }
    return joined;
  }
}
