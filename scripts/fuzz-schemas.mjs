/** Writes documents of random schemas and validates them with Ajv: npm run fuzz:schemas -- [--cases N] [--seed S] */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { cases: { type: "string", default: "10000" }, seed: { type: "string", default: String(Date.now() % 1e6) } },
});
const { status } = spawnSync("npx", ["vitest", "run", "test/structured/random-schemas.test.ts"], {
  stdio: "inherit",
  env: { ...process.env, LECTERN_FUZZ_CASES: values.cases, LECTERN_FUZZ_SEED: values.seed },
});
process.exitCode = status ?? 1;
