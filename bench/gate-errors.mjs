/**
 * How often `lectern project check` is wrong at margin 0: 2,000 simulated comparisons of 500 items for each seed, of equal setups
 * (a failure is a false alarm) and of one that is worse by 5 points (a failure is a catch).
 *
 * node bench/gate-errors.mjs [SEEDS]   default 20
 */
import { decideDifference } from "../dist/evaluation/node.js";

const seeds = Number(process.argv[2] ?? 20);
const [RUNS, ITEMS, DROP] = [2000, 500, 0.05];

/** Mulberry32: numbers from 0 to 1. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The share of comparisons that fail. */
function failures(seed, discordant, worse) {
  const next = generator(seed);
  let failed = 0;
  for (let run = 0; run < RUNS; run++) {
    const one = () => (next() >= discordant ? 0 : next() < worse ? -1 : 1);
    if (decideDifference(Array.from({ length: ITEMS }, one), 0).state === "fail") failed++;
  }
  return failed / RUNS;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
console.log(`${seeds} seeds, ${RUNS} comparisons of ${ITEMS} items each`);
console.log(
  "| discordant items | equal setups that fail: least – median – most | seeds above 5 % | a drop of 5 points caught: least – median – most |",
);
console.log("| --- | --- | --- | --- |");
for (const discordant of [0.06, 0.1, 0.2]) {
  const of = (worse) =>
    Array.from({ length: seeds }, (_, i) => failures(i + 1, discordant, worse)).sort((a, b) => a - b);
  const shown = (sorted) => [sorted[0], sorted[seeds >> 1], sorted.at(-1)].map(percent).join(" – ");
  const alarms = of(0.5);
  const catches = of((discordant + DROP) / 2 / discordant);
  const above = alarms.filter((share) => share > 0.05).length;
  console.log(`| ${percent(discordant)} | ${shown(alarms)} | ${above} of ${seeds} | ${shown(catches)} |`);
}
