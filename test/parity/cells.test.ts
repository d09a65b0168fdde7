import { expect, test } from "vitest";
import {
  type Cell,
  concat,
  constant,
  gateCount,
  mul,
  recurrence,
  reduceSum,
  takeAlong,
  transpose,
  type Value,
} from "../../src/graph/index.ts";
import { lowerGraph } from "../../src/lowering/index.ts";
import { createSession } from "../../src/runtime/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { fixture, maxDifference, readJson, readTensors } from "../helpers/fixtures.ts";

interface Case {
  cell: "rnn_tanh" | "rnn_relu" | "gru" | "lstm";
  num_layers: number;
  bidirectional: boolean;
  bias: boolean;
  lengths: number[] | null;
}

/** Reference: torch 2.15.0 in float64. */
const TOLERANCE = 1e-5;

const directory = fixture("rnn");
const { hidden_size: size, cases } = await readJson<{ hidden_size: number; cases: Record<string, Case> }>(
  `${directory}/cells.json`,
);
const recorded = await readTensors(directory, "cells.safetensors");

const floats = (shape: number[], value: (i: number) => number): Value => {
  const length = shape.reduce((product, n) => product * n, 1);
  return constant({ dtype: "float32", shape, data: Float32Array.from({ length }, (_, i) => value(i)) });
};

test.each(Object.keys(cases))("%s gives torch's outputs and last states", async (name) => {
  const { cell, num_layers, bidirectional, lengths } = cases[name] as Case;
  const tensor = (key: string): HostTensor | undefined => recorded[`${name}.${key}`];
  const x = tensor("input") as HostTensor;
  const [batch, time] = x.shape as [number, number];
  const ends = lengths ?? Array.from({ length: batch }, () => time);
  const endOf = (row: number): number => ends[row] as number;

  /** Each row's own steps in reverse. */
  const reversed = (value: Value): Value => {
    const width = value.shape[2] as number;
    const data = BigInt64Array.from({ length: batch * width * time }, (_, i) => {
      const [row, t] = [Math.floor(i / (width * time)), i % time];
      return BigInt(t < endOf(row) ? endOf(row) - 1 - t : t);
    });
    const places = constant({ dtype: "int64", shape: [batch, width, time], data });
    return transpose(takeAlong(transpose(value, [0, 2, 1]), places), [0, 2, 1]);
  };
  const stepOf = (i: number): [row: number, t: number] => [Math.floor(i / time), i % time];
  const real = floats([batch, time, 1], (i) => Number(stepOf(i)[1] < endOf(stepOf(i)[0])));
  const last = floats([batch, time, 1], (i) => Number(stepOf(i)[1] === endOf(stepOf(i)[0]) - 1));
  const first = (key: string, index: number): Value => {
    const data = tensor(key)?.data as Float32Array | undefined;
    return floats([batch, size], (i) => data?.[index * batch * size + i] ?? 0);
  };
  const weight = (key: string, rows: number): Value => {
    const found = tensor(key);
    return found ? constant(found) : floats([rows], () => 0);
  };

  let value = constant(x);
  const hidden: Value[] = [];
  const rows = gateCount[cell as Cell] * size;
  for (let layer = 0; layer < num_layers; layer++) {
    const directions = (bidirectional ? ["", "_reverse"] : [""]).map((suffix, direction) => {
      const weights = {
        input: weight(`weight_ih_l${layer}${suffix}`, rows),
        state: weight(`weight_hh_l${layer}${suffix}`, rows),
        inputBias: weight(`bias_ih_l${layer}${suffix}`, rows),
        stateBias: weight(`bias_hh_l${layer}${suffix}`, rows),
      };
      const index = layer * (bidirectional ? 2 : 1) + direction;
      const state = { hidden: first("h0", index), memory: first("c0", index) };
      const read = suffix ? reversed(value) : value;
      const states = mul(recurrence(cell, read, weights, state).states, real);
      hidden.push(reduceSum(mul(states, last), [1]));
      return suffix ? reversed(states) : states;
    });
    value = concat(directions, -1);
  }
  const session = await createSession(
    lowerGraph({
      outputs: { output: value, ...Object.fromEntries(hidden.map((state, i) => [`hidden.${i}`, state])) },
      bind: () => ({ kind: "input" }),
    }),
  );
  const results = await session.run({});
  await session.dispose();
  expect(maxDifference(results.output as HostTensor, tensor("output") as HostTensor)).toBeLessThan(TOLERANCE);
  const final = tensor("h_n") as HostTensor;
  for (const i of hidden.keys()) {
    const data = (final.data as Float32Array).slice(i * batch * size, (i + 1) * batch * size);
    const reference: HostTensor = { dtype: "float32", shape: [batch, size], data };
    expect(maxDifference(results[`hidden.${i}`] as HostTensor, reference), `state ${i}`).toBeLessThan(TOLERANCE);
  }
});
