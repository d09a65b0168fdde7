import { expect, test } from "vitest";
import { Random } from "../common/index.ts";
import { softmax } from "../tensor/index.ts";
import { candidatesOf, highest } from "./candidates.ts";
import { NEVER } from "./option-processor.ts";
import type { GenerationOptions } from "./options.ts";
import { processorsOf } from "./processors.ts";
import { ScoreOrder } from "./score-order.ts";

const random = new Random(11, 0, 0);
const context = { ids: [1], promptLength: 1, encoderIds: [], maxLength: 100 };

/** Scores of a vocabulary: `peaked` ones have few probable tokens; some are equal, some cannot come. */
function scoresOf(size: number, peaked: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => {
    if (i % 17 === 3) return NEVER;
    if (i % 5 === 0) return Math.fround(Math.round(4 * random.next()) / 2);
    return peaked * (random.next() ** 8 - 0.5) + random.next();
  });
}

function filtered(scores: Float32Array, options: GenerationOptions, least: number): Float32Array {
  const changed = Float32Array.from(scores);
  for (const { apply } of processorsOf({ topK: 0, ...options, doSample: true }, least)) apply(changed, context);
  return changed;
}

/** The ids by falling score, the lower first among equals. */
const ranked = (scores: Float32Array): number[] =>
  [...scores.keys()]
    .filter((id) => scores[id] !== NEVER)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);

/** The tokens that each filter keeps, by sorting all of them. */
const plain: Record<string, (scores: Float32Array, value: number, least: number) => Iterable<number>> = {
  topK: (scores, k, least) => {
    const last = ranked(scores)[Math.max(k, least) - 1];
    return ranked(scores).filter((id) => last === undefined || (scores[id] as number) >= (scores[last] as number));
  },
  topP: (scores, p, least) => {
    const probabilities = softmax(scores);
    const kept = ranked(scores);
    let below = 0;
    while (kept.length > least && (below += probabilities[kept.at(-1) as number] as number) <= 1 - p) kept.pop();
    return kept;
  },
  minP: (scores, share, least) => {
    const probabilities = softmax(scores);
    const limit = share * Math.max(...probabilities);
    return ranked(scores).filter((id, rank) => rank < least || (probabilities[id] as number) >= limit);
  },
  typicalP: (scores, mass, least) => {
    const probabilities = softmax(scores);
    const expected = probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
    const distance = (id: number): number => Math.abs(-Math.log(probabilities[id] as number) - expected);
    const order = ranked(scores).sort((a, b) => distance(a) - distance(b));
    let [held, last] = [0, 0];
    while (last < order.length - 1 && (held += probabilities[order[last] as number] as number) < mass) last++;
    const limit = distance(order[last] as number);
    return order.filter((id, rank) => rank < least || distance(id) <= limit);
  },
};

const values: Record<string, readonly number[]> = {
  topK: [1, 3, 40, 300, 5000],
  topP: [0.05, 0.5, 0.9, 0.999],
  minP: [0.01, 0.3, 1],
  typicalP: [0.1, 0.5, 0.95],
};

test.each(Object.keys(plain))("%s keeps the tokens that sorting the whole vocabulary keeps", (option) => {
  for (const [size, peaked] of [
    [40, 5],
    [1000, 0],
    [1000, 30],
    [1000, 200],
  ] as const)
    for (const value of values[option] as readonly number[])
      for (const least of [1, 4]) {
        const scores = scoresOf(size, peaked);
        const kept = new Set(plain[option]?.(scores, value, least));
        const expected = scores.map((score, id) => (kept.has(id) ? score : NEVER));
        expect(filtered(scores, { [option]: value }, least), `${size} ${peaked} ${value} ${least}`).toEqual(expected);
      }
});

test("an even distribution keeps as many tokens as reach p", () => {
  const kept = [0.3, 0.5, 0.9].map((topP) => filtered(new Float32Array(10), { topP }, 1).filter((x) => x === 0).length);
  expect(kept).toEqual([3, 5, 10]); // sums of 0.1 from below: 0.7 and 0.5 are reached, 0.1 is above 1 − 0.9
});

test("scores in order, with zeros of both signs equal and infinite ones at the ends", () => {
  const least = 2 ** -126; // smaller ones are zeros to a thread in which the engine has computed
  const scores = Float32Array.of(0, -0, Infinity, -Infinity, -least, least, -3, Infinity, 0);
  expect(new ScoreOrder(scores).highest(9)).toEqual([2, 7, 5, 0, 1, 8, 4, 6, 3]);
  expect(highest(scores, 4)).toEqual([2, 7, 5, 0]);
  const many = scoresOf(5000, 40);
  expect(new ScoreOrder(many).highest(700)).toEqual(ranked(many).slice(0, 700));
  expect(highest(many, 100)).toEqual(ranked(many).slice(0, 100));
});

test("candidates are the tokens that may come, with their share of the probability", () => {
  const { ids, scores, probabilities } = candidatesOf(Float32Array.of(-Infinity, 1, -Infinity, 1));
  expect([[...ids], [...scores], [...probabilities]]).toEqual([
    [1, 3],
    [1, 1],
    [0.5, 0.5],
  ]);
  expect(candidatesOf(Float32Array.of(-Infinity)).ids).toHaveLength(0);
});
