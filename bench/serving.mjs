/**
 * The server under load: N clients for T seconds, each answer checked against the answer to its prompt alone, beside the
 * scheduler without HTTP, and peers behind a shell of the same library.
 *   node bench/serving.mjs MODEL [--clients 200] [--seconds 60] [--side-seconds 10] [--prompts 64]
 *     [--precision int8] [--gguf FILE.gguf] [--onnx EXPORT [--dtype q8]] [--json]
 * --seconds 0 measures only the sides, each with 1, 8 and 32 clients for --side-seconds, at most three times as long.
 * EXPORT is made by `lectern export --format transformers.js`. Peers need `npm ci --prefix bench`.
 */
import { fork } from "node:child_process";
import { once, setMaxListeners } from "node:events";
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: "string", default: "200" },
    seconds: { type: "string", default: "60" },
    "side-seconds": { type: "string", default: "10" },
    prompts: { type: "string", default: "64" },
    precision: { type: "string", default: "auto" },
    sequences: { type: "string", default: "32" },
    gguf: { type: "string" },
    onnx: { type: "string" },
    dtype: { type: "string", default: "fp32" },
    json: { type: "boolean", default: false },
  },
});
const [model = "stories"] = positionals;
const clients = Number(values.clients);
const seconds = Number(values.seconds);
const TOKENS = 32;
const PROMPTS = Number(values.prompts);
const prompts = Array.from(
  { length: PROMPTS },
  (_, i) => `Chapter ${i + 1}. ${["The king", "The fox", "A wolf", "The queen"][i % 4]} said`,
);

const START_MS = 120_000;

/** Starts one side in a process of its own; undefined, with a message, for one that does not start. */
async function start(name, ...args) {
  const child = fork(fileURLToPath(new URL("serving-side.mjs", import.meta.url)), [name, ...args]);
  const late = AbortSignal.timeout(START_MS);
  const ended = once(child, "exit").then(([code]) => [{ failure: `its process ended with ${code}` }]);
  const began = once(child, "message", { signal: late }).catch(() => [{ failure: `no start in ${START_MS} ms` }]);
  const [{ url, failure }] = await Promise.race([began, ended]);
  if (url) return { child, url };
  child.kill();
  console.error(`${name} is left out: ${failure}`);
  return undefined;
}

function ask(child, message) {
  child.send(message);
  return once(child, "message").then(([answer]) => answer);
}

const bodyOf = (i) => ({
  model: "m",
  prompt: prompts[i],
  max_tokens: TOKENS,
  temperature: 0,
  stream: true,
  eos_token_id: null,
});

/** Clients share the server's cores, so they do no more than they must: fetch takes three times their time. */
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

/** The status and the text of an answer to a body. */
function post(url, body, signal) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method: "POST", agent, headers, signal }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, all: Buffer.concat(parts).toString() }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The text of a streamed answer; fails where a chunk is lost or the stream has no end. */
async function streamed(url, body, signal) {
  const { status, all } = await post(`${url}/v1/completions`, JSON.stringify(body), signal);
  if (status !== 200) throw new Error(`${status}: ${all.slice(0, 300)}`);
  if (!all.endsWith("data: [DONE]\n\n")) throw new Error("a stream without its end");
  const events = all.split("\n\n").filter((event) => event.startsWith("data: {"));
  const parsed = events.map((event) => JSON.parse(event.slice("data: ".length)));
  if (new Set(parsed.map(({ id }) => id)).size > 1) throw new Error("chunks of several answers in one stream");
  return parsed.map(({ choices }) => choices[0]?.text ?? "").join("");
}

/**
 * So many clients, each sending its next request when it has its answer, for so many seconds; then the last answers are
 * waited for, for twice as long at most.
 */
async function load({ child, url }, { count, length, expected }) {
  await ask(child, "reset");
  const late = AbortSignal.timeout(3000 * length);
  setMaxListeners(0, late);
  let answers = 0;
  let wrong = 0;
  const began = performance.now();
  const end = began + 1000 * length;
  const half = setTimeout(() => child.send("half"), 500 * length);
  const client = async (own) => {
    for (let i = own; performance.now() < end; i += count) {
      const text = await streamed(url, bodyOf(i % PROMPTS), late).catch((error) => {
        if (!late.aborted) throw error;
      });
      if (text === undefined) return;
      answers++;
      if (expected && text !== expected[i % PROMPTS]) wrong++;
    }
  };
  await Promise.all(Array.from({ length: count }, (_, i) => client(i)));
  clearTimeout(half);
  const took = (performance.now() - began) / 1000;
  return { clients: count, answers, wrong, tokensPerSecond: (answers * TOKENS) / took, ...(await ask(child, "state")) };
}

const round = (value) => Math.round(value * 10) / 10;
const print = (text) => {
  if (!values.json) console.log(text);
};
const result = { model, precision: values.precision, clients, seconds };
const own = await start("lectern", model, values.precision, values.sequences);
if (!own) process.exit(1);

/** The server under load, beside the scheduler without HTTP. */
async function measureServer() {
  const expected = [];
  // Asked twice: under load the prompts' beginnings are in the cache, from which int8 and int4 may go on with other last bits.
  for (const again of [false, true])
    for (const i of prompts.keys()) {
      const text = await streamed(own.url, bodyOf(i));
      if (again) expected.push(text);
    }
  result.load = await load(own, { count: clients, length: seconds, expected });
  const { answers, wrong, tokensPerSecond, delayP99, memory } = result.load;
  print(`${clients} clients, ${seconds} s: ${answers} answers, ${wrong} that differ from the answer alone`);
  print(`event-loop delay, 99th percentile: ${round(delayP99)} ms`);
  print(`memory at half and at the end: ${memory.map((bytes) => round(bytes / 2 ** 20)).join(" and ")} MiB`);
  result.bare = await ask(own.child, {
    prompts,
    tokens: TOKENS,
    seconds: Math.max(3, seconds / 4),
    at: Number(values.sequences),
  });
  result.shareOfBare = tokensPerSecond / result.bare.tokensPerSecond;
  print(`${round(tokensPerSecond)} tokens/s, ${round(result.shareOfBare * 100)} % of the scheduler without HTTP`);
  if (wrong > 0) process.exitCode = 1;
}

/** Tokens a second of each side, one side after another. */
async function measureSides() {
  const peers = [];
  if (values.gguf) peers.push(["node-llama-cpp", values.gguf, "", values.sequences]);
  if (values.onnx) peers.push(["transformers.js", values.onnx, values.dtype, values.sequences]);
  result.sides = {};
  for (const [name, ...args] of [["lectern"], ...peers]) {
    const side = name === "lectern" ? own : await start(name, ...args);
    if (!side) continue;
    await streamed(side.url, bodyOf(0));
    result.sides[name] = {};
    for (const count of [1, 8, 32]) {
      const rate = await load(side, { count, length: Number(values["side-seconds"]) });
      result.sides[name][count] = round(rate.tokensPerSecond);
    }
    const all = Object.entries(result.sides[name]).map(([count, rate]) => {
      if (rate === 0) return `${count}: no answer in ${3 * values["side-seconds"]} s`;
      const ratio = name === "lectern" ? "" : ` (Lectern: ${round(result.sides.lectern[count] / rate)} times)`;
      return `${count}: ${rate}${ratio}`;
    });
    print(`tokens/s by clients, ${name.padEnd(15)}  ${all.join("   ")}`);
    side.child.kill();
  }
}

if (seconds > 0) await measureServer();
await measureSides();
agent.destroy();
if (values.json) console.log(JSON.stringify(result));
