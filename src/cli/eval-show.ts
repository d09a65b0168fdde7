import type { Command } from "commander";
import type { ItemRecord } from "../evaluation/node.ts";
import { count } from "./numbers.ts";
import { bar, percent } from "./table.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface ShowFlags extends CommonFlags {
  readonly metric?: string;
  readonly limit?: string;
  readonly html?: string;
}

/** `lectern eval show RUN` */
export function addShowCommand(group: Command, terminal: Terminal): void {
  group
    .command("show")
    .description("List the items that a run got wrong, with the model's probabilities.")
    .argument("<run>", "the folder of a run, below what eval --out names")
    .option("--metric <name>", "the metric by which an item is right or wrong; default the first, such as acc")
    .option("--limit <n>", "list at most n items")
    .option("--html <file>", "write one self-contained page instead")
    .action(async (folder: string, flags: ShowFlags) => {
      const { readItems, runPage, wrongItems } = await import("./lazy/evaluation.ts");
      const all = readItems(folder);
      const wrong = wrongItems(all, flags.metric);
      const items = wrong.slice(0, count("--limit", flags.limit));
      if (flags.html !== undefined) {
        const { writeFileAtomic } = await import("./lazy/formats.ts");
        const summary = [`${wrong.length} of ${all.length} items are wrong.`];
        await writeFileAtomic(flags.html, runPage({ title: folder, summary, items }));
      }
      if (flags.json) return printJson(terminal, { run: folder, n: all.length, wrong: wrong.length, items });
      if (flags.html !== undefined) {
        if (!flags.quiet) terminal.stdout.write(`written to ${flags.html}\n`);
        return;
      }
      for (const item of items) terminal.stdout.write(`${described(item)}\n`);
      terminal.stdout.write(`${wrong.length} of ${all.length} items are wrong\n`);
    });
}

function described({
  index,
  context,
  choices = [],
  probabilities = [],
  right,
  prediction,
  response,
}: ItemRecord): string {
  const rightOnes = [right].flat();
  const lines = choices.map((choice, i) => {
    const share = probabilities[i] ?? 0;
    const isRight = rightOnes.includes(i) || rightOnes.includes(choice);
    const mark = `${isRight ? "✓" : " "}${prediction === i ? "→" : " "}`;
    return `  ${mark} ${percent(share).padStart(7)} ${bar(share, 10).padEnd(10)} ${choice}`;
  });
  const answers = (response.answers ?? []).map((answer) => `  → ${JSON.stringify(answer)}`);
  const expected = choices.length > 0 ? [] : [`  ✓ ${JSON.stringify(right)}`];
  return [`Item ${index + 1}`, context.replace(/^/gm, "  | "), ...lines, ...answers, ...expected, ""].join("\n");
}
