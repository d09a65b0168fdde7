import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { LecternError } from "../common/index.ts";
import { answerCommand } from "./answer.ts";
import { classifyCommand } from "./classify.ts";
import { doctorCommand } from "./doctor.ts";
import { embedCommand } from "./embed.ts";
import { evalCommand } from "./eval.ts";
import { exportCommand } from "./export.ts";
import { fillMaskCommand } from "./fill-mask.ts";
import { finetuneCommand } from "./finetune.ts";
import { forwardCommand } from "./forward.ts";
import { listCommand } from "./list.ts";
import { mergeCommand } from "./merge.ts";
import { nerCommand } from "./ner.ts";
import { pullCommand, removeCommand } from "./pull.ts";
import { runCommand } from "./run.ts";
import { showCommand } from "./show.ts";
import type { Terminal } from "./terminal.ts";
import { tokenizeCommand } from "./tokenize.ts";
import { tokenizerCommand } from "./tokenizer.ts";
import { trainCommand } from "./train.ts";
import { summarizeCommand, translateCommand } from "./translate.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Runs one command line and returns its exit code: 0 success, 1 a failure it explains, 2 wrong usage, 130 interrupted. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const interrupt = new AbortController();
  const onInterrupt = (): void => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  try {
    await program(terminal, interrupt.signal).parseAsync([...args], { from: "user" });
    return interrupt.signal.aborted ? 130 : 0;
  } catch (error) {
    return explain(error, terminal);
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}

/** The whole command line; its help is what `docs/cli.md` is made of. */
export function program(terminal: Terminal, signal: AbortSignal): Command {
  const root = new Command("lectern")
    .description("Run, look inside and train transformers from Hugging Face directories.")
    .version(version, "--version", "print which version this is")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    })
    .showSuggestionAfterError();
  const commands = [
    runCommand,
    forwardCommand,
    embedCommand,
    classifyCommand,
    translateCommand,
    summarizeCommand,
    fillMaskCommand,
    answerCommand,
    nerCommand,
    tokenizeCommand,
    listCommand,
    showCommand,
    pullCommand,
    removeCommand,
    doctorCommand,
    trainCommand,
    finetuneCommand,
    mergeCommand,
    evalCommand,
    exportCommand,
    tokenizerCommand,
  ];
  for (const define of commands) {
    const command = define(root, terminal, signal)
      .option("--json", "print one JSON document on standard output")
      .option("--quiet", "print no progress");
    if (command.registeredArguments.some((argument) => argument.name() === "model"))
      command
        .option("--revision <name>", "a branch, a tag or a commit of a model of the hub; default main")
        .option("--offline", "use only what the hub's cache holds");
  }
  return root;
}

function explain(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof LecternError)) throw error;
  if (error.code === "abort") return 130;
  terminal.stderr.write(`lectern: ${error.message}\n`);
  return error.code === "usage" ? 2 : 1;
}
