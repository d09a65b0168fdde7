/**
 * Has schemathesis send requests from the OpenAPI document to a server, and fails on any answer of 500 or above:
 *   npm run build; node scripts/schemathesis.mjs [--examples 100] [--schemathesis PATH]
 * Needs Python with `pip install schemathesis`.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    examples: { type: "string", default: "100" },
    schemathesis: { type: "string", default: "schemathesis" },
  },
});
const path = (text) => fileURLToPath(new URL(text, import.meta.url));
const models = [`chat=${path("../test/server/chat-model")}`, `bert=${path("../test/parity/fixtures/models/bert")}`];
const limits = ["--max-tokens", "6", "--timeout", "20", "--port", "0", "--json", "--quiet"];
const server = spawn(process.execPath, [path("../dist/cli/main.js"), "serve", ...models, ...limits], {
  stdio: ["ignore", "pipe", "inherit"],
});
const [line] = await once(createInterface({ input: server.stdout }), "line");
const { url } = JSON.parse(line);
// a machine that is busy may keep a request waiting for long; the server ends it after 20 seconds of its own
const patience = ["--request-timeout", "300"];
const checks = ["--checks", "not_a_server_error", "--max-examples", values.examples, "--seed", "1", ...patience];
const { status } = spawnSync(values.schemathesis, ["run", `${url}/openapi.json`, ...checks], { stdio: "inherit" });
server.kill();
process.exitCode = status ?? 1;
