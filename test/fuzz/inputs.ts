import { readdirSync, readFileSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LocalModel } from "../../src/inference/local-model.ts";

const fixtures = join(process.env.LECTERN_FUZZ_ROOT ?? "", "test/parity/fixtures");

/** A path below `test/parity/fixtures`. */
export const fixture = (path: string): string => join(fixtures, path);

const RECORDED = /^expected\./;

/** The directories of small models, by kind. */
export const models = {
  all: [
    ...readdirSync(fixture("models")).map((name) => `models/${name}`),
    ...["char-gru", "char-lstm", "char-rnn", "seq2seq-bahdanau", "seq2seq-luong"].map((name) => `rnn/${name}`),
  ],
  decoders: ["gpt2", "llama_gqa", "mistral", "gemma", "qwen2", "phi3"].map((name) => `models/${name}`),
  encoders: ["bert_cls", "bert_ner", "bert", "distilbert_cls", "modernbert_mlm"].map((name) => `models/${name}`),
  translators: ["marian", "t5_relu", "bart"].map((name) => `models/${name}`),
};

export function readFixture(path: string): Buffer {
  return readFileSync(fixture(path));
}

export function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFixture(path).toString()) as Record<string, unknown>;
}

/** A model's directory in which some files are others; undefined: left out. */
export async function changedCopy(
  model: string,
  folder: string,
  changed: Readonly<Record<string, string | Uint8Array | undefined>>,
): Promise<string> {
  const directory = join(folder, "model");
  await mkdir(directory);
  for (const name of readdirSync(fixture(model)))
    if (!RECORDED.test(name) && !Object.hasOwn(changed, name))
      await symlink(fixture(`${model}/${name}`), join(directory, name));
  for (const [name, data] of Object.entries(changed)) {
    if (data === undefined) continue;
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), data);
  }
  return directory;
}

/** Opens a model and has it compute once in each way that it can. */
export async function exercise(location: string): Promise<void> {
  const model = await LocalModel.open({ location, threads: 1 });
  try {
    await model.forward({ inputIds: [[3, 4, 5]] }, { hiddenStates: true, attentions: true });
    const { isEncoder } = model.description;
    if (!isEncoder) await model.generate({ inputIds: [[3, 4, 5]], options: { maxNewTokens: 2 } }, {});
  } finally {
    await model.dispose();
  }
}
