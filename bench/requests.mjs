/**
 * Concurrent requests on one model: eight calls at once beside one call with the same eight prompts and beside eight
 * calls one after the other, in turns. Medians and ratios; every token is compared with that of the request alone.
 * Memory: 500 generations with 50 sets of options.
 *   npm run build && node bench/requests.mjs [MODEL] [RUNS]
 */
import { loadModel } from "../dist/index.js";

const [name = "stories", runs = 7] = process.argv.slice(2);
const prompts = [
  "Once upon a time",
  "The dog",
  "A little girl",
  "Tom and Sam",
  "One day",
  "In the forest",
  "The sun",
  "My mother",
];
const options = { maxNewTokens: 100, minNewTokens: 100, doSample: false };

const model = await loadModel(name, { prefixCacheBytes: 0 }); // each call computes its prompt
const alone = [];
for (const prompt of prompts) alone.push((await model.generate({ prompt }, options)).outputIds);

const cases = {
  "one call, 8 prompts": async () => (await model.generate({ prompts }, options)).sequences,
  "8 calls at once": () => Promise.all(prompts.map((prompt) => model.generate({ prompt }, options))),
  "8 calls in turn": async () => {
    const results = [];
    for (const prompt of prompts) results.push(await model.generate({ prompt }, options));
    return results;
  },
};
const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
let different = 0;
for (let run = 0; run <= Number(runs); run++)
  for (const [name, compute] of Object.entries(cases)) {
    const begun = performance.now();
    const results = await compute();
    if (run > 0) times[name].push(performance.now() - begun); // the first run makes sessions
    different += results.filter(({ outputIds }, i) => outputIds.join() !== alone[i].join()).length;
  }
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const base = median(times["one call, 8 prompts"]);
for (const [name, all] of Object.entries(times))
  console.log(`${name.padEnd(20)} ${median(all).toFixed(0).padStart(6)} ms  ${(median(all) / base).toFixed(2)}`);
console.log(`sequences that differ from the request alone: ${different}`);

const sets = Array.from({ length: 50 }, (_, i) => ({
  ...[{ dolaLayers: [i % 5] }, { numBeams: 2 + (i % 3) }, { topK: 2 + i }, { promptLookupNumTokens: 2 }, {}][i % 5],
  maxNewTokens: 8,
  seed: i,
  doSample: i % 5 === 2,
}));
for (let i = 1; i <= 500; i++) {
  await model.generate({ prompt: prompts[i % 8] }, sets[i % 50]);
  if (i % 100 === 0)
    console.log(`after ${i} generations: ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB resident`);
}
await model.dispose();
