import type { Command } from "commander";
import { collectFeedback, type FeedbackEntry, preferencePairs } from "../feedback/index.ts";
import { writeFileAtomic } from "../files/node.ts";
import { count, counted } from "./numbers.ts";
import { tableLines } from "./table.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface FeedbackFlags extends CommonFlags {
  readonly out?: string;
  readonly last?: string;
}

/** Judgements that are listed. */
const LISTED = 10;

/** Characters of a text in the list. */
const SHOWN = 44;

/** `lectern project feedback PATH…` */
export function addFeedbackCommand(group: Command, terminal: Terminal): void {
  group
    .command("feedback")
    .description("List the feedback of serve and run, and write it as pairs that finetune --task preference reads.")
    .argument("<paths...>", "directories of --feedback, or files in them")
    .option("--out <file>", "write the pairs there, as JSON lines with prompt, chosen and rejected")
    .option("--last <n>", `judgements to list; default ${LISTED}`)
    .action(async (paths: string[], flags: FeedbackFlags) => {
      const listed = count("--last", flags.last) ?? LISTED;
      const { entries, faulty } = await collectFeedback(paths);
      const { pairs, alone, contradictory } = preferencePairs(entries);
      if (flags.out !== undefined)
        await writeFileAtomic(flags.out, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
      for (const line of faulty) terminal.stderr.write(`lectern: left out: ${line}\n`);
      const rated = (rating: "up" | "down"): number => entries.filter((entry) => entry.rating === rating).length;
      const better = entries.filter((entry) => entry.better !== undefined).length;
      const counts = { judgements: entries.length, up: rated("up"), down: rated("down"), better };
      const summary = { ...counts, pairs: pairs.length, alone, contradictory, faulty: faulty.length };
      if (flags.json) return printJson(terminal, { ...summary, out: flags.out, entries: entries.slice(-listed) });
      terminal.stdout.write(`${tableLines(rowsOf(entries.slice(-listed))).join("\n")}\n\n`);
      terminal.stdout.write(
        `${counted(counts.judgements, "judgement")}: ${counts.up} up, ${counts.down} down, ${counted(better, "better answer")}\n`,
      );
      const where = flags.out === undefined ? "; --out FILE writes them" : ` in ${flags.out}`;
      terminal.stdout.write(
        `${counted(pairs.length, "pair")}${where}; ${counted(alone, "judgement")} in no pair, ${contradictory} contradictory\n`,
      );
    });
}

function rowsOf(entries: readonly FeedbackEntry[]): string[][] {
  const short = (text: string): string => {
    const line = text.replaceAll(/\s+/g, " ").trim();
    return line.length <= SHOWN ? line : `${line.slice(0, SHOWN - 1)}…`;
  };
  const rows = entries.map(({ time, model, rating = "", prompt, answer, better = "" }) => {
    return [time.slice(0, 16).replace("T", " "), model, rating, short(prompt), short(answer), short(better)];
  });
  return [["time", "model", "thumb", "prompt", "answer", "better"], ...rows];
}
