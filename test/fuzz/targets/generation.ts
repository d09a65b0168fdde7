import { optionNames, optionTable } from "../../../src/generation/option-table.ts";
import { parseOptions, refused } from "../../../src/generation/parse-options.ts";
import { LocalModel } from "../../../src/inference/local-model.ts";
import { changedCopy, fixture, models } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";

/** A value that fits each kind of option, to be changed. */
export const fitting: Readonly<Record<string, unknown>> = {
  count: 2,
  positive: 1.5,
  share: 0.5,
  flag: true,
  number: 3,
  real: 0.5,
  id: 4,
  ids: [2, 3],
  texts: ["a", "the"],
  idLists: [[4, 5], [6]],
  biases: [[[4], 2]],
  bias: { 4: 1.5 },
  decay: [1, 1.5],
  earlyStopping: true,
  text: "models/gpt2",
  schedule: "constant",
  layers: [0],
  words: [[4, 5]],
};

const others = [...Object.keys(refused), "constructor", "__proto__", "topk", "max_tokens"];

export function changedOptions(mutate: Mutator): Record<string, unknown> {
  const options: [string, unknown][] = [["maxNewTokens", 3]];
  for (let count = 1 + mutate.below(4); count > 0; count--) {
    const name = mutate.chance(0.95) ? mutate.pick(optionNames) : mutate.pick(others);
    const value = Object.hasOwn(optionTable, name) ? fitting[optionTable[name as keyof typeof optionTable].kind] : 1;
    const kind = mutate.below(3);
    options.push([name, kind === 0 ? structuredClone(value) : kind === 1 ? mutate.json(value) : mutate.value()]);
  }
  if (mutate.chance(0.1))
    options.push([
      mutate.pick(["maxNewTokens", "maxLength", "numBeams", "topK", "numReturnSequences"]),
      mutate.number(),
    ]);
  const merged = Object.fromEntries(options);
  if (merged.assistantModel === "models/gpt2") merged.assistantModel = fixture("models/gpt2");
  return merged;
}

const kept = new Map<string, Promise<LocalModel>>();

/** Long runs are the caller's right: they are cancelled. */
const soon = (): AbortSignal => AbortSignal.timeout(1500);

export async function generation(mutate: Mutator, folder: string): Promise<unknown> {
  const name = mutate.pick([...models.decoders, ...models.translators, "rnn/char-gru", "rnn/seq2seq-luong"]);
  const options = changedOptions(mutate);
  const snake = Object.fromEntries(
    Object.entries(options).map(([key, value]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
  if (mutate.chance(0.4)) {
    const text = mutate.jsonText(mutate.chance(0.8) ? snake : mutate.json(snake));
    const location = await changedCopy(name, folder, { "generation_config.json": text });
    const model = await LocalModel.open({ location, threads: 1 });
    try {
      return await model.generate({ inputIds: [[3, 4]], options: { maxNewTokens: 3 } }, { signal: soon() });
    } finally {
      await model.dispose();
    }
  }
  const opened = kept.get(name) ?? LocalModel.open({ location: fixture(name), threads: 1 });
  kept.set(name, opened);
  const inputIds = mutate.chance(0.8) ? [[3, 4], [5]].slice(0, 1 + mutate.below(2)) : [[3, 4, 3, 4, 3]];
  return (await opened).generate({ inputIds, options: parseOptions(options) }, { signal: soon() });
}
