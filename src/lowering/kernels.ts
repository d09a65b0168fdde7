import type { Cell, LowerContext, TensorType } from "../graph/index.ts";

/** Lowers a composite in one piece, faster than what it means; undefined where it cannot. */
type Kernel = (context: LowerContext, attributes: never) => readonly string[] | undefined;

/** Where each gate of torch's stands among ONNX's: GRU r, z, n for z, r, h; LSTM i, f, g, o for i, o, f, c. */
const gateOrder: Readonly<Record<Cell, readonly number[]>> = {
  rnn_tanh: [0],
  rnn_relu: [0],
  gru: [1, 0, 2],
  lstm: [0, 3, 1, 2],
};

/** ONNX has whole recurrent layers, over any length. */
function recurrence(c: LowerContext, { cell }: { cell: Cell }): string[] {
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

/** The kernels, by the name of the composite they compute. */
export const kernels: Readonly<Record<string, Kernel>> = { recurrence };
