/**
 * Runs the commands of README.md in order, each block of commands as one script, and writes the files that blocks name:
 *   node run.mjs WORK [DATA]   DATA as bring.mjs takes it
 *     --brought                WORK has the data and the encoder already
 *     --quick                  leaves select and next out, and optimizes over one setting
 *     --fresh                  runs what ran before, too; without it, an interrupted run goes on
 *     --seconds N              ends after so long, also within a command; the next run goes on with it
 *     --write                  puts what the commands print, and the time that they took, into the README
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ONE_SETTING = "--precisions int8 --threads 2 --batch-sizes 8 --windows whole";
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const built = here("../../dist/cli/main.js");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    brought: { type: "boolean" },
    quick: { type: "boolean" },
    fresh: { type: "boolean" },
    seconds: { type: "string" },
    write: { type: "boolean" },
  },
});
const [work, data = ""] = positionals;
if (work === undefined) throw new Error("usage: node run.mjs WORK [DATA] [--brought] [--write]");
mkdirSync(work, { recursive: true });
for (const name of ["bring.mjs", "review.prompt"]) copyFileSync(here(name), join(work, name));

const recordPath = join(work, "record.json");
/** The output and the time of each block, by its script. */
const record = !values.fresh && existsSync(recordPath) ? JSON.parse(readFileSync(recordPath, "utf8")) : {};
const readme = readFileSync(here("README.md"), "utf8");
/** Seconds by heading. */
const took = new Map();
let stage = "";

/** The output of a block, which is run unless it ran before. */
function printed(script, place) {
  const key = `${place} ${script}`;
  if (record[key]?.stdout === undefined) {
    const { seconds, ...rest } = run(script);
    record[key] = { ...rest, seconds: seconds + (record[key]?.seconds ?? 0) };
    writeFileSync(recordPath, JSON.stringify(record));
  }
  const { seconds, stdout } = record[key];
  if (stdout === undefined) {
    console.log(`${seconds.toFixed(1).padStart(7)} s  ${stage}: interrupted`);
    process.exit(2);
  }
  took.set(stage, (took.get(stage) ?? 0) + seconds);
  console.log(`${seconds.toFixed(1).padStart(7)} s  ${stage}`);
  return stdout;
}

function run(script) {
  const asked = values.quick ? script.replace("project optimize", `$& ${ONE_SETTING}`) : script;
  const own = existsSync(built) ? asked.replaceAll("npx lectern", `"${process.execPath}" "${built}"`) : asked;
  const env = { ...process.env, DATA: data && resolve(data) };
  const started = performance.now();
  const bash = ["bash", "-euo", "pipefail", "-c", own];
  const left = Number(values.seconds ?? Number.POSITIVE_INFINITY) - started / 1000;
  if (left < 1) return { seconds: 0 };
  const [command, ...args] = values.seconds ? ["timeout", "--signal=INT", String(left), ...bash] : bash;
  const { status, stdout } = spawnSync(command, args, {
    ...{ cwd: work, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
  });
  const seconds = (performance.now() - started) / 1000;
  if (values.seconds && status === 124) return { seconds }; // by timeout
  if (status !== 0) throw new Error(`exit code ${status}: ${script}\n${stdout}`);
  return { seconds, stdout };
}

const isLeftOut = (code) =>
  (values.brought && code.includes("bring.mjs")) || (values.quick && /project (select|next)/.test(code));

let last = "";
let place = 0;
const timed = () =>
  [...took, ["together", [...took.values()].reduce((sum, seconds) => sum + seconds, 0)]]
    .map(([name, seconds]) => `${seconds.toFixed(0).padStart(5)} s  ${name}`)
    .join("\n");
const renewed = readme.replaceAll(
  /^## ([^\n]+)|^```(sh|json|text)(?: ([^\n]+))?\n(.*?)^```$/gms,
  (block, heading, language, name, code) => {
    if (heading !== undefined) stage = heading;
    if (language === "json") writeFileSync(join(work, name), code);
    if (language === "sh") last = isLeftOut(code) ? "" : printed(code, place++);
    if (language !== "text") return block;
    const text =
      name === "time" ? `${cpus()[0].model.trim()}, ${availableParallelism()} cores\n${timed()}` : last.trimEnd();
    return `\`\`\`text${name ? ` ${name}` : ""}\n${text}\n\`\`\``;
  },
);
if (values.write) writeFileSync(here("README.md"), renewed);
console.log(timed().split("\n").at(-1));
