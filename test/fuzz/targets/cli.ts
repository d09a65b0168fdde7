import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { optionNames } from "../../../src/generation/option-table.ts";
import { fixture } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";

const FLAGS = optionNames.map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
const VALUES = [
  "0",
  "1",
  "2",
  "-1",
  "0.5",
  "1e9",
  "1e309",
  "abc",
  "",
  "NaN",
  "1,2",
  "[1,2]",
  "{}",
  "null",
  "true",
  "constructor",
  "a=b",
  "--",
  "\u0000",
];

/** Command lines that work, of which some words are changed; what they write stays below `folder`. */
function commandLines(folder: string): readonly (readonly string[])[] {
  const out = join(folder, "out");
  const [gpt2, bert, t5, ids] = [
    fixture("models/gpt2"),
    fixture("models/bert_cls"),
    fixture("models/t5_relu"),
    "3,4,5",
  ];
  return [
    ["run", gpt2, "The wolf", "--max-new-tokens", "3"],
    ["run", gpt2, "--input-ids", ids, "--max-new-tokens", "2", "--show", "candidates"],
    ["run", gpt2, "--config", join(folder, "x.json"), "--set", "topK=3", "--json"],
    ["run", fixture("models/llama_chat"), "--messages", join(folder, "x.json"), "--max-new-tokens", "2"],
    ["forward", gpt2, "The wolf", "--json"],
    ["classify", bert, "The wolf"],
    ["embed", fixture("models/bert"), "The wolf", "a goat"],
    ["translate", t5, "The wolf", "--max-new-tokens", "3"],
    ["fill-mask", fixture("models/bert"), "The [MASK]", "--top-k", "2"],
    ["ner", fixture("models/bert_ner"), "The wolf"],
    ["answer", fixture("models/bert_qa"), "who?", "the wolf"],
    ["tokenize", gpt2, "The wolf"],
    ["show", gpt2],
    ["list"],
    ["doctor"],
    ["train", join(folder, "x.json"), "--data", folder, "--out", out],
    ["finetune", bert, join(folder, "x.csv"), "--task", "text-classification", "--out", out, "--epochs", "1"],
    ["eval", folder],
    ["export", gpt2, "--out", join(folder, "out.gguf")],
    ["merge", gpt2, folder, "--out", out],
  ];
}

function changed(mutate: Mutator, line: readonly string[], folder: string): string[] {
  const words = [...line];
  for (let changes = mutate.below(3); changes > 0; changes--) {
    const at = 1 + mutate.below(words.length);
    const word = mutate.chance(0.5) ? mutate.pick(VALUES) : mutate.pick(FLAGS);
    const isPlace = (index: number): boolean => (words[index] ?? "").startsWith(folder) || words[index - 1] === "--out";
    if (mutate.chance(0.3) && at < words.length && !isPlace(at)) words.splice(at, 1);
    else if (mutate.chance(0.5) && at < words.length && !isPlace(at)) words[at] = word;
    else words.push(mutate.pick(FLAGS), mutate.pick(VALUES));
  }
  return words;
}

/** Runs the command line as it is built, in a process of its own. */
async function run(words: readonly string[], folder: string): Promise<{ code: unknown; said: string }> {
  const main = join(process.env.LECTERN_FUZZ_ROOT ?? "", "dist/cli/main.js");
  const env = { ...process.env, HF_HOME: folder, HF_HUB_OFFLINE: "1" };
  return new Promise((resolve) => {
    const options = { cwd: folder, env, timeout: 30_000, killSignal: "SIGKILL", maxBuffer: 1 << 26 } as const;
    const child = execFile(process.execPath, [main, ...words], options, (error, _, said) => {
      resolve({ code: error ? (error.killed ? "hangs" : (error.code ?? error.signal)) : 0, said });
    });
    child.stdin?.on("error", () => {}); // closed by a command that reads none
    child.stdin?.end("The wolf\n");
  });
}

export async function cli(mutate: Mutator, folder: string): Promise<void> {
  await writeFile(join(folder, "x.json"), mutate.jsonText(mutate.value()));
  await writeFile(join(folder, "x.csv"), "text,label\na,b\nc,d\n");
  const words = changed(mutate, mutate.pick(commandLines(folder)), folder).map((word) => word.replaceAll("\0", ""));
  const { code, said } = await run(words, folder);
  const what = `${words.join(" ")}: ${code}: ${said.slice(0, 1500)}`;
  if (![0, 1, 2].includes(code as number)) throw new Error(what);
  if (code !== 0 && said === "") throw new Error(`without a word: ${what}`);
  if (/^\s+at .*:\d+|\bgot undefined\b/m.test(said)) throw new Error(what);
}
