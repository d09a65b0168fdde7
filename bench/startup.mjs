/**
 * How long the command line takes to start, beside bare Node, in turns on one machine: medians, and ratios to bare Node.
 *   npm run build && node bench/startup.mjs [RUNS]
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const runs = Number(process.argv[2] ?? 15);
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** What is run, and whether its first output counts instead of its end. */
const cases = {
  "node -e 0": { args: ["-e", "0"] },
  "lectern --version": { args: [main, "--version"] },
  "lectern --help": { args: [main, "--help"] },
  "lectern run --help": { args: [main, "run", "--help"] },
  "lectern run stories hi, first token": { args: [main, "run", "stories", "hi"], untilOutput: true },
};

/** In milliseconds. */
function measure({ args, untilOutput = false }) {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    let first;
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.on("data", () => {
      first ??= performance.now() - begun;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== 0) reject(new Error(`${args.join(" ")} ended with code ${code}`));
      else resolve(untilOutput ? first : performance.now() - begun);
    });
  });
}

const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
for (let run = 0; run <= runs; run++)
  for (const [name, given] of Object.entries(cases)) {
    const time = await measure(given);
    if (run > 0) times[name].push(time); // the first round warms the file cache
  }

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const bare = median(times["node -e 0"]);
console.log(`| ${runs} runs, Node ${process.versions.node} | median | ratio | fastest |\n|---|---|---|---|`);
for (const [name, values] of Object.entries(times)) {
  const middle = median(values);
  console.log(`| ${name} | ${middle.toFixed(0)} ms | ${(middle / bare).toFixed(2)} | ${values[0].toFixed(0)} ms |`);
}
