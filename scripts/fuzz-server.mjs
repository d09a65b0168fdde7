/** Sends random requests from the server's OpenAPI document at full size: npm run fuzz:server -- [--requests N] [--seed S] */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 1e6) },
  },
});
const { status } = spawnSync("npx", ["vitest", "run", "test/server/fuzz.test.ts"], {
  stdio: "inherit",
  env: { ...process.env, LECTERN_FUZZ_REQUESTS: values.requests, LECTERN_FUZZ_SEED: values.seed },
});
process.exitCode = status ?? 1;
