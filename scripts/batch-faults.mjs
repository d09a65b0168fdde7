/** Kills workers and Redis in the middle of a batch at full size: npm run faults:batch -- [--requests N] */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { requests: { type: "string", default: "1000" } } });
const { status } = spawnSync("npx", ["vitest", "run", "test/batch/batch.test.ts"], {
  stdio: "inherit",
  env: { ...process.env, LECTERN_BATCH_REQUESTS: values.requests, LECTERN_REQUIRE_REDIS: "1" },
});
process.exitCode = status ?? 1;
