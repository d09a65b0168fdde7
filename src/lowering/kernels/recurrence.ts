import {
  apply,
  type Cell,
  type Dimension,
  defineKernel,
  type LowerContext,
  type TensorType,
} from "../../graph/index.ts";
import type { Kernel } from "./kernel.ts";

/** The order of ONNX's gates in torch's: GRU r, z, n for z, r, h; LSTM i, f, g, o for i, o, f, c. */
const gateOrder: Readonly<Record<Cell, readonly number[]>> = {
  rnn_tanh: [0],
  rnn_relu: [0],
  gru: [1, 0, 2],
  lstm: [0, 3, 1, 2],
};

function lowerLayer(c: LowerContext, { cell }: { cell: Cell }): string[] {
  const [x, inputWeight, stateWeight, inputBias, stateBias, hidden, memory] = c.inputs as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const size = (c.inputTypes[2] as TensorType).shape[1] as number;
  const order = gateOrder[cell];
  const reordered = (weights: string): string => {
    if (order.length === 1) return weights;
    const sizes = c.int64(...order.map(() => size));
    const gates = c.emitMany("Split", [weights, sizes], order.length, { axis: 0 });
    return c.emit(
      "Concat",
      order.map((gate) => gates[gate] as string),
      { axis: 0 },
    );
  };
  const directed = (value: string): string => c.emit("Unsqueeze", [value, c.int64(0)]);
  const bias = c.emit("Concat", [reordered(inputBias), reordered(stateBias)], { axis: 0 });
  const operands = [
    c.emit("Transpose", [x], { perm: [1, 0, 2] }),
    ...[reordered(inputWeight), reordered(stateWeight), bias].map(directed),
    "",
    directed(hidden),
  ];
  const attributes = { hidden_size: size };
  let results: string[];
  if (cell === "lstm") results = c.emitMany("LSTM", [...operands, directed(memory)], 3, attributes);
  else if (cell === "gru") results = c.emitMany("GRU", operands, 2, { ...attributes, linear_before_reset: 1 });
  else
    results = c.emitMany("RNN", operands, 2, { ...attributes, activations: [cell === "rnn_tanh" ? "Tanh" : "Relu"] });
  const [states, last, kept] = results as [string, string, string?];
  const squeezed = (value: string, axis: number): string => c.emit("Squeeze", [value, c.int64(axis)]);
  return [
    c.emit("Transpose", [squeezed(states, 1)], { perm: [1, 0, 2] }),
    squeezed(last, 0),
    kept === undefined ? c.emit("Identity", [memory]) : squeezed(kept, 0),
  ];
}

/** ONNX's RNN, GRU and LSTM operators, over any length. */
const layerOp = defineKernel<{ cell: Cell }>({
  name: "recurrentLayer",
  infer(inputs) {
    const [x, , stateWeight] = inputs as readonly [TensorType, TensorType, TensorType];
    const [batch, length] = x.shape as [Dimension, Dimension];
    const size = stateWeight.shape[1] as Dimension;
    const state = { dtype: x.dtype, shape: [batch, size] };
    return [{ dtype: x.dtype, shape: [batch, length, size] }, state, state];
  },
  lower: lowerLayer,
});

/** A recurrence as one operator of the engine. */
export const recurrentLayer: Kernel<{ cell: Cell }> = {
  name: layerOp.name,
  tolerance: 1e-5,
  fits: () => true,
  build: ({ inputs, attributes }) => apply(layerOp, inputs, attributes),
};
