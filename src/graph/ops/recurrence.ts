import { defineComposite } from "../op.ts";
import { apply, type Dimension, scalar, shapeError, type TensorType, type Value } from "../value.ts";
import { cast } from "./cast.ts";
import { less } from "./comparison.ts";
import { add, mul, relu, sigmoid, sub, tanh } from "./elementwise.ts";
import { reshape, transpose } from "./layout.ts";
import { linear } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { reduceSum } from "./reduction.ts";
import { concat, slice, split } from "./slicing.ts";

/** The recurrent cell: Elman's with tanh or relu, a gated recurrent unit, or long short-term memory. */
export type Cell = "rnn_tanh" | "rnn_relu" | "gru" | "lstm";

/** The number of blocks of rows in the weights of a cell, in torch's order: GRU r, z, n; LSTM i, f, g, o. */
export const gateCount: Readonly<Record<Cell, number>> = { rnn_tanh: 1, rnn_relu: 1, gru: 3, lstm: 4 };

interface State {
  readonly hidden: Value;
  readonly memory: Value;
}

/** One step of a cell, given what the input `[B, G·H]` and the state `[B, G·H]` contribute. */
const steps: Readonly<Record<Cell, (fromInput: Value, fromState: Value, state: State) => State>> = {
  rnn_tanh: (fromInput, fromState, { memory }) => ({ hidden: tanh(add(fromInput, fromState)), memory }),
  rnn_relu: (fromInput, fromState, { memory }) => ({ hidden: relu(add(fromInput, fromState)), memory }),
  gru(fromInput, fromState, { hidden, memory }) {
    const size = hidden.shape[1] as number;
    const [[xGates, xn], [hGates, hn]] = [fromInput, fromState].map((x) => split(x, [2 * size, size], -1)) as [
      [Value, Value],
      [Value, Value],
    ];
    const [reset, update] = split(sigmoid(add(xGates, hGates)), [size, size], -1) as [Value, Value];
    const candidate = tanh(add(xn, mul(reset, hn)));
    return { hidden: add(candidate, mul(update, sub(hidden, candidate))), memory };
  },
  lstm(fromInput, fromState, { hidden, memory }) {
    const size = hidden.shape[1] as number;
    const [i, f, g, o] = split(add(fromInput, fromState), [size, size, size, size], -1) as [Value, Value, Value, Value];
    const kept = add(mul(sigmoid(f), memory), mul(sigmoid(i), tanh(g)));
    return { hidden: mul(sigmoid(o), tanh(kept)), memory: kept };
  },
};

function inferRecurrence(operands: readonly TensorType[], cell: Cell): TensorType[] {
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
}

const recurrenceOp = defineComposite<{ cell: Cell }>({
  name: "recurrence",
  infer: (operands, { cell }) => inferRecurrence(operands, cell),
  decomposition: (operands, { cell }) => writeOut(cell, operands as Operands).slice(0, 3),
  differentiable: (operands, attributes) => apply(writtenRecurrenceOp, operands, attributes).slice(0, 3),
  gradient: () => {
    throw new TypeError("recurrence: is differentiated as it is written out");
  },
});

/**
 * A recurrence step by step.
 * @returns all states `[B, T, H]`, the last state and memory, and for its gradient what input and state contributed to
 * each step `[B, T, G·H]` and all memories `[B, T, H]`
 */
function writeOut(cell: Cell, [x, inputWeight, stateWeight, inputBias, stateBias, hidden, memory]: Operands): Value[] {
  const [batch, length] = x.shape as [Dimension, Dimension];
  if (typeof length !== "number") throw shapeError("recurrence", "a known length, to be written out step by step", x);
  const fromInput = linear(x, inputWeight, inputBias); // [B, T, G·H]
  const turned = transpose(stateWeight, [1, 0]);
  let state: State = { hidden, memory };
  const parts: Record<"states" | "fromState" | "memories", Value[]> = { states: [], fromState: [], memories: [] };
  const asStep = (value: Value): Value => reshape(value, [batch, 1, value.shape[1] as Dimension]);
  for (let t = 0; t < length; t++) {
    const fromState = linear(state.hidden, turned, stateBias, "in-out");
    state = steps[cell](reshape(slice(fromInput, 1, t, t + 1), fromState.shape), fromState, state);
    parts.states.push(asStep(state.hidden));
    parts.fromState.push(asStep(fromState));
    parts.memories.push(asStep(state.memory));
  }
  const { states, fromState, memories } = parts;
  return [concat(states, 1), state.hidden, state.memory, fromInput, concat(fromState, 1), concat(memories, 1)];
}

/** A recurrence as it is learned: its gradient reads what the steps have computed already. */
const writtenRecurrenceOp = defineComposite<{ cell: Cell }>({
  name: "writtenRecurrence",
  infer(operands, { cell }) {
    const [states, hidden, memory] = inferRecurrence(operands, cell) as [TensorType, TensorType, TensorType];
    const gates = {
      ...states,
      shape: [...states.shape.slice(0, 2), (operands[2] as TensorType).shape[0] as Dimension],
    };
    return [states, hidden, memory, gates, gates, states];
  },
  decomposition: (operands, { cell }) => writeOut(cell, operands as Operands),
  gradient({ inputs, outputs, gradients, attributes: { cell } }) {
    return backThroughTime(cell, inputs as Operands, outputs, gradients);
  },
});

type Operands = readonly [Value, Value, Value, Value, Value, Value, Value];

/**
 * Back-propagation through time. What each step's gates were is computed for all steps at once; only
 * the gradient of the state goes from step to step, and those of the weights are one product over all steps.
 * @see Werbos, "Backpropagation through time" (1990)
 */
function backThroughTime(
  cell: Cell,
  [x, inputWeight, stateWeight, , , hidden, memory]: Operands,
  [states, , , fromInput, fromState, memories]: readonly Value[],
  [dStates, dHidden, dMemory]: readonly (Value | undefined)[],
): Value[] {
  if (!states || !fromInput || !fromState || !memories)
    throw new TypeError("recurrence: lacks what its steps computed");
  const [batch, length, size] = states.shape as [Dimension, Dimension, number];
  if (typeof length !== "number" || typeof batch !== "number")
    throw shapeError("recurrence", "known sizes where it is differentiated", x);
  const behind = (first: Value, all: Value): Value =>
    concat([reshape(first, [batch, 1, size]), ...(length > 1 ? [slice(all, 1, 0, length - 1)] : [])], 1); // [B, T, H]
  const before = behind(hidden, states);
  const rules = slopes[cell](fromInput, fromState, { states, before, memories, earlier: behind(memory, memories) });
  const at = (value: Value, t: number): Value => slice(value, 1, t, t + 1); // [B, 1, …]
  const gates = gateCount[cell];
  const perStep: { dh: Value; dc: Value | undefined }[] = [];
  let dh = dHidden ? reshape(dHidden, [batch, 1, size]) : undefined;
  let dc = dMemory && rules.memory ? reshape(dMemory, [batch, 1, size]) : undefined;
  for (let t = length - 1; t >= 0; t--) {
    const fromAbove = dStates && at(dStates, t);
    const total = dh && fromAbove ? add(dh, fromAbove) : (dh ?? fromAbove ?? mul(at(states, t), scalar(0)));
    if (rules.memory) {
      const own = mul(total, at(rules.memory.fromHidden, t));
      dc = dc ? add(dc, own) : own;
    }
    perStep.unshift({ dh: total, dc });
    const dGates = reshape(
      rules.state(total, dc, (value) => at(value, t)),
      [batch, gates * size],
    );
    const back = reshape(matmul(dGates, stateWeight), [batch, 1, size]);
    dh = rules.carried ? add(back, mul(total, at(rules.carried, t))) : back;
    if (rules.memory && dc) dc = mul(dc, at(rules.memory.carried, t));
  }
  const join = (pick: (step: (typeof perStep)[number]) => Value): Value => concat(perStep.map(pick), 1);
  const allHidden = join((step) => step.dh); // [B, T, H]
  const allMemory = rules.memory && join((step) => step.dc as Value);
  const flat = (value: Value, width: number): Value => reshape(value, [batch * length, width]);
  const dState = flat(
    rules.state(allHidden, allMemory, (value) => value),
    gates * size,
  );
  const dInput = rules.input ? flat(rules.input(allHidden), gates * size) : dState;
  const inSize = x.shape[2] as number;
  return [
    reshape(matmul(dInput, inputWeight), x.shape),
    matmul(dInput, flat(x, inSize), { transposeA: true }),
    matmul(dState, flat(before, size), { transposeA: true }),
    reduceSum(dInput, [0]),
    reduceSum(dState, [0]),
    reshape(dh as Value, [batch, size]),
    dc ? reshape(dc, [batch, size]) : mul(memory, scalar(0)),
  ];
}

/**
 * The rule by which the gradients of a step's gates follow from those of its state; all values hold all steps, `[B,
 * T, …]`.
 */
interface Slopes {
  /** Of what the state contributed, `[B, T, G·H]`; `of` picks a step. */
  state(dh: Value, dc: Value | undefined, of: (value: Value) => Value): Value;
  /** Of what the input contributed, where it is another. */
  readonly input?: (dh: Value) => Value;
  /** The part of the state's gradient that goes on to the state before, beside what goes through the gates. */
  readonly carried?: Value;
  /** Of an LSTM's memory: how much of the hidden state's gradient reaches it, and how much goes on. */
  readonly memory?: { readonly fromHidden: Value; readonly carried: Value };
}

interface Steps {
  readonly states: Value;
  readonly before: Value;
  /** Of an LSTM: its memory after each step, and before. */
  readonly memories: Value;
  readonly earlier: Value;
}

const one = scalar(1);
/** y (1 − y), the slope of the logistic function where its value is y. */
const logisticSlope = (y: Value): Value => mul(y, sub(one, y));
/** 1 − y², that of the hyperbolic tangent. */
const tanhSlope = (y: Value): Value => sub(one, mul(y, y));

function gatesOf(x: Value, count: number): Value[] {
  const size = (x.shape[2] as number) / count;
  return [
    ...split(
      x,
      Array.from({ length: count }, () => size),
      -1,
    ),
  ];
}

const slopes: Readonly<Record<Cell, (fromInput: Value, fromState: Value, steps: Steps) => Slopes>> = {
  rnn_tanh(_fromInput, _fromState, { states }) {
    const slope = tanhSlope(states);
    return { state: (dh, _dc, of) => mul(dh, of(slope)) };
  },
  rnn_relu(fromInput, fromState) {
    const slope = cast(less(scalar(0), add(fromInput, fromState)), "float32");
    return { state: (dh, _dc, of) => mul(dh, of(slope)) };
  },
  gru(fromInput, fromState, { before }) {
    const [xr, xz, xn] = gatesOf(fromInput, 3) as [Value, Value, Value];
    const [hr, hz, hn] = gatesOf(fromState, 3) as [Value, Value, Value];
    const [reset, update] = [sigmoid(add(xr, hr)), sigmoid(add(xz, hz))];
    const candidate = tanh(add(xn, mul(reset, hn)));
    const ofCandidate = mul(sub(one, update), tanhSlope(candidate));
    const ofReset = mul(mul(ofCandidate, hn), logisticSlope(reset));
    const ofUpdate = mul(sub(before, candidate), logisticSlope(update));
    const [batch, length, size] = before.shape as [number, number, number];
    const stacked = (parts: readonly Value[]): Value =>
      concat(
        parts.map((part) => reshape(part, [batch, length, 1, size])),
        2,
      ); // [B, T, 3, H]
    const toState = stacked([ofReset, ofUpdate, mul(ofCandidate, reset)]);
    const toInput = stacked([ofReset, ofUpdate, ofCandidate]);
    const spread = (dh: Value, by: Value): Value => mul(reshape(dh, [batch, dh.shape[1] as number, 1, size]), by);
    return {
      state: (dh, _dc, of) => spread(dh, of(toState)),
      input: (dh) => spread(dh, toInput),
      carried: update,
    };
  },
  lstm(fromInput, fromState, { memories, earlier }) {
    const [i, f, g, o] = gatesOf(add(fromInput, fromState), 4).map((gate, at) =>
      at === 2 ? tanh(gate) : sigmoid(gate),
    ) as [Value, Value, Value, Value];
    const seen = tanh(memories);
    const [ofI, ofF] = [mul(g, logisticSlope(i)), mul(earlier, logisticSlope(f))];
    const [ofG, ofO] = [mul(i, tanhSlope(g)), mul(seen, logisticSlope(o))];
    return {
      state: (dh, dc, of) =>
        concat([...[ofI, ofF, ofG].map((slope) => mul(dc as Value, of(slope))), mul(dh, of(ofO))], -1),
      memory: { fromHidden: mul(o, tanhSlope(seen)), carried: f },
    };
  },
};

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

export const recurrenceOps = { recurrence: recurrenceOp, writtenRecurrence: writtenRecurrenceOp };
