/**
 * Simulates how often the 95 % intervals of lectern/evaluation contain the true value.
 *   node bench/interval-coverage.mjs [--repetitions N] [--seed N]
 * Draws evaluations of 200, 500 and 1,000 items with known accuracy, and pairs of models whose scores correlate; computes
 * Wilson's interval of a share, the interval by the standard error, the paired one of a difference, the bootstrap's, and
 * the clustered one; prints the share of repetitions that each covers. Exits with 1 where one lies outside 93–97 %. Default
 * 4,000 repetitions; the bootstrap, which takes longest, with 200 items alone.
 */
import { parseArgs } from "node:util";
import {
  bootstrapInterval,
  clusteredError,
  meanInterval,
  shareInterval,
  standardError,
} from "../dist/evaluation/node.js";

const { values } = parseArgs({
  options: { repetitions: { type: "string", default: "4000" }, seed: { type: "string", default: "1" } },
});
const repetitions = Number(values.repetitions);
/** Resamples of a bootstrap: enough for quantiles of 2.5 %. */
const RESAMPLES = 200;
const PER_CLUSTER = 5;

/** A generator of uniform numbers (mulberry32). */
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = uniform(Number(values.seed));
const right = (accuracy) => Number(random() < accuracy);
const meanOf = (scores) => scores.reduce((sum, score) => sum + score, 0) / scores.length;
const covers = ([low, high], truth) => Number(low <= truth && truth <= high);

/** Scores of a second model: half of the time its first one's luck. */
function pairOf(size, first, second) {
  return Array.from({ length: size }, () => {
    const luck = random();
    const other = random() < 0.5 ? luck : random();
    return Number(other < second) - Number(luck < first);
  });
}

/** The kinds of intervals: each simulates one evaluation, and says whether the truth is inside. */
const kinds = {
  "share (Wilson)": (size, accuracy) => {
    const count = Array.from({ length: size }, () => right(accuracy)).filter(Boolean).length;
    return covers(shareInterval(count, size), accuracy);
  },
  "mean ± 1.96 s/√n": (size, accuracy) => {
    const scores = Array.from({ length: size }, () => right(accuracy));
    return covers(meanInterval(meanOf(scores), standardError(scores)), accuracy);
  },
  "paired difference": (size, accuracy) => {
    const differences = pairOf(size, accuracy, accuracy + 0.1);
    return covers(meanInterval(meanOf(differences), standardError(differences)), 0.1);
  },
  "paired bootstrap": (size, accuracy, seed) => {
    const differences = pairOf(size, accuracy, accuracy + 0.1);
    return covers(bootstrapInterval(differences, { resamples: RESAMPLES, seed }), 0.1);
  },
  "clusters of 5": (size, accuracy) => {
    const clusters = Array.from({ length: size }, (_, i) => Math.floor(i / PER_CLUSTER));
    const shared = clusters.map((_, i) => (i % PER_CLUSTER === 0 ? random() : 0));
    const scores = clusters.map((own) => {
      const luck = random() < 0.5 ? shared[own * PER_CLUSTER] : random();
      return Number(luck < accuracy);
    });
    return covers(meanInterval(meanOf(scores), clusteredError(scores, clusters)), accuracy);
  },
};

let outside = 0;
console.log(`${repetitions} repetitions, seed ${values.seed}`);
for (const [name, covered] of Object.entries(kinds))
  for (const size of name === "paired bootstrap" ? [200] : [200, 500, 1000]) {
    const shares = [0.2, 0.35, 0.5, 0.65, 0.8].map((accuracy) => {
      let inside = 0;
      for (let run = 0; run < repetitions; run++) inside += covered(size, accuracy, run);
      return inside / repetitions;
    });
    outside += shares.filter((share) => share < 0.93 || share > 0.97).length;
    const shown = shares.map((share) => `${(100 * share).toFixed(1)} %`.padStart(8)).join("");
    console.log(`${name.padEnd(18)} ${String(size).padStart(5)} items${shown}`);
  }
console.log(outside === 0 ? "all between 93 and 97 %" : `${outside} outside of 93–97 %`);
process.exitCode = outside === 0 ? 0 : 1;
