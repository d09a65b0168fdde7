import { defineComposite } from "../op.ts";
import { apply, type Dimension, scalar, shapeError, type Value } from "../value.ts";
import { add, mul, relu, sigmoid, sub, tanh } from "./elementwise.ts";
import { reshape } from "./layout.ts";
import { linear } from "./linear.ts";
import { concat, slice, split } from "./slicing.ts";

/** Which cell: Elman's with tanh or relu, a gated recurrent unit, or long short-term memory. */
export type Cell = "rnn_tanh" | "rnn_relu" | "gru" | "lstm";

/** How many blocks of rows the weights of a cell have, in torch's order: GRU r, z, n; LSTM i, f, g, o. */
export const gateCount: Readonly<Record<Cell, number>> = { rnn_tanh: 1, rnn_relu: 1, gru: 3, lstm: 4 };

interface State {
  readonly hidden: Value;
  readonly memory: Value;
}

/** One step of a cell, given what the input contributes `[B, G·H]`. */
function step(cell: Cell, fromInput: Value, { hidden, memory }: State, weight: Value, bias: Value): State {
  const fromState = linear(hidden, weight, bias); // [B, G·H]
  const size = hidden.shape[1] as number;
  const gates = (x: Value): Value[] => [
    ...split(
      x,
      Array.from({ length: gateCount[cell] }, () => size),
      -1,
    ),
  ];
  if (cell === "rnn_tanh") return { hidden: tanh(add(fromInput, fromState)), memory };
  if (cell === "rnn_relu") return { hidden: relu(add(fromInput, fromState)), memory };
  if (cell === "gru") {
    const [[xr, xz, xn], [hr, hz, hn]] = [gates(fromInput), gates(fromState)] as [
      [Value, Value, Value],
      [Value, Value, Value],
    ];
    const [reset, update] = [sigmoid(add(xr, hr)), sigmoid(add(xz, hz))];
    const candidate = tanh(add(xn, mul(reset, hn)));
    return { hidden: add(mul(sub(scalar(1), update), candidate), mul(update, hidden)), memory };
  }
  const [i, f, g, o] = gates(add(fromInput, fromState)) as [Value, Value, Value, Value];
  const kept = add(mul(sigmoid(f), memory), mul(sigmoid(i), tanh(g)));
  return { hidden: mul(sigmoid(o), tanh(kept)), memory: kept };
}

const recurrenceOp = defineComposite<{ cell: Cell }>({
  name: "recurrence",
  infer(operands, { cell }) {
    const [x, inputWeight, stateWeight, inputBias, stateBias, hidden, memory] = operands;
    if (!x || !inputWeight || !stateWeight || !inputBias || !stateBias || !hidden || !memory)
      throw new TypeError("recurrence: takes x, two weights, two biases and two states");
    const size = stateWeight.shape[1] as number;
    const rows = gateCount[cell] * size;
    const fits =
      inputWeight.shape[0] === rows &&
      stateWeight.shape[0] === rows &&
      inputWeight.shape[1] === x.shape[2] &&
      hidden.shape[1] === size &&
      inputBias.shape[0] === rows &&
      stateBias.shape[0] === rows;
    if (!fits) throw shapeError("recurrence", `weights of ${gateCount[cell]} gates`, x, inputWeight, stateWeight);
    const [batch, length] = x.shape as [Dimension, Dimension];
    const state = { dtype: x.dtype, shape: [batch, size] };
    return [{ dtype: x.dtype, shape: [batch, length, size] }, state, state];
  },
  meaning(operands, { cell }) {
    const [x, inputWeight, stateWeight, inputBias, stateBias, hidden, memory] = operands as [
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
    ];
    const [batch, length] = x.shape as [Dimension, Dimension];
    if (typeof length !== "number") throw shapeError("recurrence", "a known length, to be written out step by step", x);
    const fromInput = linear(x, inputWeight, inputBias); // [B, T, G·H]
    const rows = fromInput.shape[2] as number;
    const size = hidden.shape[1] as number;
    let state: State = { hidden, memory };
    const states: Value[] = [];
    for (let t = 0; t < length; t++) {
      state = step(cell, reshape(slice(fromInput, 1, t, t + 1), [batch, rows]), state, stateWeight, stateBias);
      states.push(reshape(state.hidden, [batch, 1, size]));
    }
    return [concat(states, 1), state.hidden, state.memory];
  },
  gradient: "through meaning",
});

/**
 * A recurrent layer over a sequence, in torch's formulas and order of gates.
 * @param x `[B, T, I]`
 * @param weights of the input `[G·H, I]` and of the state `[G·H, H]`, and their biases `[G·H]`
 * @param state the first hidden state `[B, H]`, and, of an LSTM, the first memory `[B, H]`
 * @returns all hidden states `[B, T, H]`, and the last state
 * @see Elman (1990); Hochreiter and Schmidhuber (1997); Cho et al. (2014)
 */
export function recurrence(
  cell: Cell,
  x: Value,
  weights: { input: Value; state: Value; inputBias: Value; stateBias: Value },
  state: State,
): { states: Value; hidden: Value; memory: Value } {
  const { input, state: recurrent, inputBias, stateBias } = weights;
  const operands = [x, input, recurrent, inputBias, stateBias, state.hidden, state.memory];
  const [states, hidden, memory] = apply(recurrenceOp, operands, { cell });
  return { states: states as Value, hidden: hidden as Value, memory: memory as Value };
}

export const recurrenceOps = { recurrence: recurrenceOp };
