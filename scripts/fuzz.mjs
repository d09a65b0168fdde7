/** Runs the fuzzer of test/fuzz: npm run fuzz -- [--cases N] [--seed S] [--target NAME,NAME] [--case I] */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Date.now() % 1e6) },
    target: { type: "string" },
    case: { type: "string" },
  },
});
const settings = Object.entries(values).map(([name, value]) => [`LECTERN_FUZZ_${name.toUpperCase()}`, value]);
const { status } = spawnSync("npx", ["vitest", "run", "test/fuzz"], {
  stdio: "inherit",
  env: { ...process.env, ...Object.fromEntries(settings) },
});
process.exitCode = status ?? 1;
