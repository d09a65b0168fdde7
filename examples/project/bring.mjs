/**
 * Brings what the project needs into the working directory:
 *   all-MiniLM-L6-v2/                    a sentence encoder (Apache-2.0): sentence-transformers/all-MiniLM-L6-v2 on the Hugging Face Hub
 *   train.csv, validation.csv, test.csv  sentences of film reviews with a label: SST-2, as in tonyzhaozh/few-shot-learning on GitHub
 *
 * node bring.mjs [DATA] [--rows N]
 *   DATA    a folder that has models/all-MiniLM-L6-v2 and sst2 already, in place of the network
 *   --rows  training sentences, spread evenly over the 6,920 of the source; default 2400
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const MODEL = "sentence-transformers/all-MiniLM-L6-v2";
const WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
const DATA =
  "https://raw.githubusercontent.com/tonyzhaozh/few-shot-learning/e04d8643be91c2cce63f33e07760ff75d5aa3ad0/data/sst2";
const PARTS = {
  train: ["train", "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338"],
  validation: ["dev", "02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1"],
  test: ["test", "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b"],
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { rows: { type: "string" } } });
const [source] = positionals;
const wanted = Number(values.rows ?? 2400);

/** Refuses bytes other than those that the figures of the README were made from. */
function checked(bytes, sha256, what) {
  const own = createHash("sha256").update(bytes).digest("hex");
  if (own !== sha256) throw new Error(`${what} is not the file that this example was made with: SHA-256 ${own}`);
  return bytes;
}

function modelFolder() {
  if (source !== undefined) return join(source, "models/all-MiniLM-L6-v2");
  const said = execFileSync("npx", ["lectern", "pull", MODEL, "--json"], { encoding: "utf8" });
  return JSON.parse(said).path;
}

async function rowsOf(part, sha256) {
  const name = `stsa.binary.${part}`;
  const bytes =
    source === undefined
      ? Buffer.from(await (await fetch(`${DATA}/${name}`)).arrayBuffer())
      : readFileSync(join(source, "sst2", name));
  return checked(bytes, sha256, name).toString("utf8").trimEnd().split("\n");
}

const cell = (text) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

for (const [name, [part, sha256]] of Object.entries(PARTS)) {
  const all = await rowsOf(part, sha256);
  const count = name === "train" ? Math.min(wanted, all.length) : all.length;
  const lines = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]);
  const rows = lines.map((line) => `${cell(line.slice(2))},${line.startsWith("1") ? "positive" : "negative"}\n`);
  writeFileSync(`${name}.csv`, `text,label\n${rows.join("")}`);
  console.log(`${name}.csv: ${count} sentences`);
}

if (!existsSync("all-MiniLM-L6-v2")) {
  const folder = modelFolder();
  checked(readFileSync(join(folder, "model.safetensors")), WEIGHTS, "model.safetensors");
  mkdirSync("all-MiniLM-L6-v2");
  for (const file of readdirSync(folder)) {
    if (/\.(json|txt|safetensors)$/.test(file) && !file.startsWith("expected"))
      cpSync(join(folder, file), join("all-MiniLM-L6-v2", file), { dereference: true });
  }
  writeFileSync("all-MiniLM-L6-v2/README.md", `---\nlicense: apache-2.0\nlanguage: [en]\n---\n\n${MODEL}\n`);
}
console.log(`all-MiniLM-L6-v2: ${MODEL}`);
