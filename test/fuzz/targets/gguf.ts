import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openDirectory } from "../../../src/formats/index.ts";
import { loadTokenizer } from "../../../src/tokenizers/index.ts";
import { type GgufParts, putTogether, takeApart, typeFor } from "../gguf-file.ts";
import { exercise, readFixture } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";

const files = ["small-Q4_0", "small-bpe-F16", "small-Q8_0", "small-F16"].map((name) =>
  readFixture(`gguf/${name}.gguf`),
);

function changed(mutate: Mutator, parts: GgufParts): GgufParts {
  const { data } = parts;
  const [entries, tensors] = structuredClone([parts.entries, parts.tensors] as const);
  for (let changes = 1 + mutate.below(3); changes > 0; changes--) {
    const entry = mutate.pick(entries);
    const tensor = mutate.pick(tensors);
    if (!entry || !tensor) break;
    const kind = mutate.below(10);
    if (kind < 4) {
      entry[2] = mutate.json(entry[2]);
      if (mutate.chance(0.5)) entry[1] = typeFor(mutate, entry[2]);
    } else if (kind === 4) entries.splice(entries.indexOf(entry), 1);
    else if (kind === 5)
      entries.push([mutate.chance(0.5) ? mutate.text() : entry[0], typeFor(mutate, entry[2]), mutate.value()]);
    else if (kind === 6) entry[1] = mutate.below(14);
    else if (kind === 7) tensor.sizes = mutate.json(tensor.sizes.map((size) => Math.trunc(Math.abs(size)))) as number[];
    else if (kind === 8)
      Object.assign(
        tensor,
        mutate.pick([{ type: mutate.below(40) }, { offset: mutate.number() }, { name: mutate.text() }]),
      );
    else mutate.chance(0.5) ? tensors.splice(tensors.indexOf(tensor), 1) : tensors.push(structuredClone(tensor));
  }
  for (const tensor of tensors) if (!Array.isArray(tensor.sizes)) tensor.sizes = [];
  return { entries, tensors, data };
}

export async function gguf(mutate: Mutator, folder: string): Promise<void> {
  const file = mutate.pick(files);
  const parts = takeApart(file);
  const bytes = mutate.chance(0.4)
    ? mutate.bytes(file, mutate.chance(0.8) ? parts.headerLength : file.length)
    : putTogether(mutate, changed(mutate, parts));
  const path = join(folder, "model.gguf");
  await writeFile(path, bytes);
  const tokenizer = await loadTokenizer(await openDirectory(path));
  tokenizer?.decode([...(tokenizer?.encode("The wolf, 12 geese. \u00fc\u{1f600}").ids ?? [])]);
  await exercise(path);
}
