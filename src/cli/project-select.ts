import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { Project, Setup } from "../project/index.ts";
import { addProjectFlags, measuring, type ProjectContext, type ProjectFlags } from "./project-flags.ts";
import { tableLines } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface SelectFlags extends ProjectFlags {
  readonly test?: string;
  readonly svg?: string;
  readonly markdown?: string;
}

/** `lectern project select [TASK] [MODEL…]` */
export function addProjectSelectCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  const command = group
    .command("select")
    .description(
      "Compare models on your own test set: quality with its interval, latency, memory, size and licence. Without models: the project's choice and candidates.",
    )
    .argument("[task]", "the task; default the project's")
    .argument("[models...]", "models to compare")
    .option("--test <file>", "the test set; default the project's")
    .option("--svg <file>", "write a picture of quality and latency")
    .option("--markdown <file>", "write the table as Markdown");
  addProjectFlags(command).action((task: string | undefined, models: string[], flags: SelectFlags) =>
    projectSelect(task, models, { flags, terminal, signal }),
  );
}

async function projectSelect(
  task: string | undefined,
  models: readonly string[],
  context: ProjectContext<SelectFlags>,
): Promise<void> {
  const { flags, terminal } = context;
  const { selectionAdvice, selectionCells, selectionMarkdown, selectionSvg, selectModel } = await import(
    "./lazy/project.ts"
  );
  const { checkWritable, writeFileAtomic } = await import("../files/node.ts");
  for (const file of [flags.svg, flags.markdown]) if (file !== undefined) await checkWritable(dirname(file));
  const { project, setups } = await candidates(task, models, flags);
  const selection = await selectModel(project, setups, measuring(context));
  if (flags.svg !== undefined) await writeFileAtomic(flags.svg, selectionSvg(selection));
  if (flags.markdown !== undefined) await writeFileAtomic(flags.markdown, selectionMarkdown(selection));
  for (const { name, reason } of selection.failed) terminal.stderr.write(`lectern: left out: ${name}: ${reason}\n`);
  if (flags.json) return printJson(terminal, selection);
  const lines = tableLines(selectionCells(selection), [1, 4, 5, 6]);
  terminal.stdout.write(`${lines.join("\n")}\n\n${selectionAdvice(selection)}\n`);
}

/** The project, or one that the arguments describe, and the setups to compare. */
async function candidates(
  task: string | undefined,
  models: readonly string[],
  flags: SelectFlags,
): Promise<{ project: Project; setups: readonly [Setup, ...Setup[]] }> {
  const { candidatesOf, PROJECT_FILE, parseProject, readProject } = await import("./lazy/project.ts");
  const [model] = models;
  if (flags.test !== undefined && model !== undefined) {
    const file = { goal: `select ${task}`, task, test: basename(flags.test), choice: { model } };
    const root = dirname(resolve(flags.test));
    const project = { path: join(root, PROJECT_FILE), root, file: parseProject(file, "select") };
    return { project, setups: models.map((name) => ({ model: beside(name) })) as [Setup, ...Setup[]] };
  }
  const project = readProject(flags.project);
  const { file } = project;
  if (task !== undefined && task !== file.task)
    throw new LecternError(
      "usage",
      `select: the task of ${project.path} is ${file.task}; got ${task}; another one needs --test FILE`,
    );
  const { choice } = file;
  if (model === undefined) return { project, setups: [choice, ...candidatesOf(project)] };
  const named = (name: string): Setup => ({
    model: beside(name),
    ...(choice.prompt !== undefined && { prompt: choice.prompt, shots: choice.shots }),
  });
  return { project, setups: models.map(named) as [Setup, ...Setup[]] };
}

/** A model's path starts from the working directory, not from the project file's. */
const beside = (name: string): string => (/^\.{1,2}[\\/]/.test(name) ? resolve(name) : name);
