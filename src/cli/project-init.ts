import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface InitFlags extends CommonFlags {
  readonly goal?: string;
  readonly task?: string;
  readonly model?: string;
  readonly test?: string;
  readonly train?: string;
  readonly prompt?: string;
  readonly corpus?: string;
  readonly folder: string;
  readonly force?: boolean;
}

const QUESTIONS = {
  goal: "The goal, in a sentence: ",
  model: "The model to begin with (a bundled name, a directory, owner/name): ",
  test: "The test set (a file with the columns text and label, or a task of lectern eval): ",
} as const;

/** `lectern project init` */
export function addProjectInitCommand(group: Command, terminal: Terminal): void {
  group
    .command("init")
    .description("Write a project file from three questions, or from flags.")
    .option("--goal <text>", "the goal in a sentence")
    .option("--task <name>", "text-classification, text-generation, ask, or a task of lectern eval")
    .option("--model <name>", "the model to begin with")
    .option("--test <file>", "the test set")
    .option("--train <file>", "training examples, from which shots are drawn")
    .option("--corpus <folder>", "of the task ask: the text files that the questions are about")
    .option("--prompt <file>", "a prompt, for a model that generates")
    .option("--folder <directory>", "the folder of the project file", ".")
    .option("--force", "replace a project file that is there")
    .action((flags: InitFlags) => projectInit(flags, terminal));
}

async function projectInit(flags: InitFlags, terminal: Terminal): Promise<void> {
  const { initialProject, PROJECT_FILE } = await import("./lazy/project.ts");
  const { makeDirectory, writeFileAtomic } = await import("../files/node.ts");
  const path = join(flags.folder, PROJECT_FILE);
  if (existsSync(path) && !flags.force)
    throw new LecternError("usage", `init: there is a project file already, ${path}; --force replaces it`);
  const text = await initialProject({ ...flags, ...(await answersOf(flags, terminal)) });
  await makeDirectory(flags.folder);
  await writeFileAtomic(path, text);
  if (flags.json) return printJson(terminal, { path });
  terminal.stdout.write(`${text}`);
  if (!flags.quiet) terminal.stderr.write(`written: ${path}; next: lectern project check\n`);
}

type Answers = Record<"goal" | "model", string> & { readonly test?: string };

/** The flags, and on a terminal the answers to questions in place of those that are missing. */
async function answersOf({ goal, model, test, task }: InitFlags, terminal: Terminal): Promise<Answers> {
  const given = { goal, model, test };
  const missing = (["goal", "model", "test"] as const).filter(
    (name) => given[name] === undefined && !(name === "test" && task !== undefined && !task.startsWith("text-")),
  );
  if (missing.length > 0 && !terminal.isInteractive)
    throw new LecternError(
      "usage",
      `init: ${missing.map((name) => `--${name}`).join(" and ")} ${missing.length === 1 ? "is" : "are"} missing; give --goal, --model and --test`,
    );
  const answers: Partial<Record<keyof typeof QUESTIONS, string>> = {};
  if (missing.length > 0) {
    const lines = createInterface({ input: terminal.stdin, output: terminal.stdout.stream as NodeJS.WriteStream });
    try {
      for (const name of missing) answers[name] = (await lines.question(QUESTIONS[name])).trim();
    } finally {
      lines.close();
    }
  }
  const all = { goal: goal ?? answers.goal ?? "", model: model ?? answers.model ?? "" };
  const tested = test ?? answers.test;
  return { ...all, ...(tested !== undefined && { test: tested }) };
}
