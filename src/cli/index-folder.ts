import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { Model } from "../inference/index.ts";
import type { IndexReport } from "../retrieval/index.ts";
import { count, number } from "./numbers.ts";
import { addPipelineFlags, loadFor, type PipelineFlags } from "./pipeline-command.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface IndexFlags extends PipelineFlags {
  readonly encoder?: string;
  readonly questionPrompt?: string;
  readonly passagePrompt?: string;
  readonly out?: string;
  readonly ext?: string[];
  readonly exclude?: string[];
  readonly size?: string;
  readonly overlap?: string;
  readonly fresh?: boolean;
  readonly revision?: string;
  readonly offline?: boolean;
}

const all = (value: string, before: string[] = []): string[] => [...before, ...value.split(",")];

/** `lectern index DIR` */
export function indexCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<folder>", "the folder of text files")
    .option(
      "--encoder <model>",
      "a sentence encoder: a directory, or owner/name on the Hugging Face Hub. Without one, questions are compared with passages by their words (BM25), which needs no model",
    )
    .option("--question-prompt <text>", "a text before each question, as the encoder was trained; E5: 'query: '")
    .option("--passage-prompt <text>", "a text before each passage, as the encoder was trained; E5: 'passage: '")
    .option("--out <file>", "the index; default .lectern-index in the folder")
    .option("--ext <list>", "extensions of files to read, separated by commas; * for all; default md, txt, rst …", all)
    .option("--exclude <names>", "names of files and folders to leave out, separated by commas", all)
    .option("--size <n>", "tokens of a passage at most, words without an encoder; default 160")
    .option("--overlap <n>", "tokens at most that a passage repeats of the one before it; default a fifth of the size")
    .option("--fresh", "encode unchanged files again, too")
    .option("--revision <name>", "a branch, tag or commit of a Hub model; default main")
    .option("--offline", "use only models that are in the Hugging Face cache");
  return addPipelineFlags(command, { isBatched: false }).action(async (folder: string, flags: IndexFlags) => {
    await using model =
      flags.encoder === undefined ? undefined : await loadFor(flags.encoder, { flags, terminal, signal });
    await indexOf(folder, model, { flags, terminal, signal });
  });
}

interface Context {
  readonly flags: IndexFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

async function indexOf(folder: string, model: Model | undefined, { flags, terminal, signal }: Context): Promise<void> {
  const { questionPrompt, passagePrompt } = flags;
  const { indexFolder, modelEncoder } = await import("./lazy/retrieval.ts");
  if (!model && (questionPrompt ?? passagePrompt) !== undefined)
    throw new LecternError("usage", "--question-prompt and --passage-prompt belong to --encoder: add it");
  const shows = terminal.stderr.isTTY && !flags.quiet;
  const began = performance.now();
  const report = await indexFolder(folder, {
    encoder: model && (await modelEncoder(model, { questionPrompt, passagePrompt })),
    file: flags.out,
    extensions: flags.ext,
    exclude: flags.exclude,
    size: count("--size", flags.size),
    overlap: number("--overlap", flags.overlap, "a whole number from 0"),
    fresh: flags.fresh,
    signal,
    ...(shows && { onProgress: ({ passages }) => terminal.stderr.control(`\r${passages} passages`) }),
  });
  if (shows) terminal.stderr.control("\r\u001b[K");
  const seconds = (performance.now() - began) / 1000;
  if (flags.json) printJson(terminal, { ...report, encoder: flags.encoder, seconds });
  else printReport(report, { terminal, seconds, encoder: flags.encoder, isQuiet: flags.quiet ?? false });
}

function printReport(
  report: IndexReport,
  {
    terminal,
    seconds,
    encoder,
    isQuiet,
  }: { terminal: Terminal; seconds: number; encoder: string | undefined; isQuiet: boolean },
): void {
  const { path, files, passages, unchanged, removed, rebuilt, skipped } = report;
  for (const { path, reason } of isQuiet ? [] : skipped)
    terminal.stderr.write(`lectern: left out ${path}: ${reason}\n`);
  const parts = [
    `${passages} passages of ${files} files`,
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
    ...(removed > 0 ? [`${removed} removed`] : []),
    ...(rebuilt === undefined ? [] : [`all anew: ${rebuilt}`]),
    `${seconds.toFixed(1)} s`,
  ];
  const by = encoder === undefined ? "words (BM25); --encoder MODEL compares them by meaning" : `vectors of ${encoder}`;
  terminal.stdout.write(`${parts.join("; ")}\nsearched by ${by}\n${path}\n`);
}
