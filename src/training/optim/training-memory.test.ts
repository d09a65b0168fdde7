import { expect, test } from "vitest";
import { clipGlobalNorm } from "./clip.ts";
import { createOptimizer, type Slots } from "./optimizers.ts";
import { TrainingMemory } from "./training-memory.ts";

const LENGTH = 103; // not a multiple of four
const numbers = (seed: number): Float32Array => Float32Array.from({ length: LENGTH }, (_, i) => Math.sin(seed * 7 + i));

function memory(): TrainingMemory {
  const created = TrainingMemory.create({ a: LENGTH, b: 1 }, [LENGTH, LENGTH, LENGTH, LENGTH]);
  if (!created) throw new Error("no memory");
  return created;
}

/** Four units in the last place of 1: one side computes in float32, the other in float64. */
function closeTo(a: Float32Array, b: Float32Array): void {
  expect(a).toHaveLength(b.length);
  for (const [i, value] of a.entries()) expect(Math.abs(value - (b[i] as number))).toBeLessThan(4 * 2 ** -23);
}

test("moves weights by Adam as the plain loop does, and leaves what lies beside", () => {
  const own = memory();
  const [weights, first, second, beside] = [numbers(1), new Float32Array(LENGTH), new Float32Array(LENGTH), numbers(2)];
  const [w, m, v, next] = [weights, first, second, beside].map((data) => own.moved(data)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const optimizer = createOptimizer({ name: "adamw" });
  for (let step = 1; step <= 5; step++) {
    const gradient = numbers(10 + step);
    own.gradients.a?.set(gradient);
    const options = { learningRate: 0.01, step, weightDecay: 0.1 };
    optimizer.update(weights, gradient, { first, second } as Slots, options);
    optimizer.update(w, own.gradients.a as Float32Array, { first: m, second: v } as Slots, { ...options, memory: own });
  }
  for (const [here, there] of [
    [w, weights],
    [m, first],
    [v, second],
  ] as const)
    closeTo(here, there);
  expect(next).toEqual(beside);
  expect(own.gradients.b).toEqual(Float32Array.of(0));
});

test.each([0.5, 1000])("clips gradients to a norm of %f as torch does", (limit) => {
  const own = memory();
  const all = Object.values(own.gradients);
  all[0]?.set(numbers(3));
  all[1]?.set([2]);
  const copies = all.map((gradient) => gradient.slice());
  expect(own.clip(all, limit)).toBeCloseTo(clipGlobalNorm(copies, limit), 6);
  for (const [i, gradient] of all.entries()) closeTo(gradient, copies[i] as Float32Array);
});

test("mixes a mean with new values", () => {
  const own = memory();
  const [mean, value] = [own.moved(numbers(4)), own.moved(numbers(5))];
  own.mix(mean, value, 0.9);
  const [before, added] = [numbers(4), numbers(5)];
  closeTo(
    mean,
    before.map((old, i) => 0.9 * old + 0.1 * (added[i] as number)),
  );
});

test("is not there where nothing is learned or 32 bits cannot address it", () => {
  expect(TrainingMemory.create({}, [])).toBeUndefined();
  expect(TrainingMemory.create({ a: 2 ** 30 }, [])).toBeUndefined();
});
