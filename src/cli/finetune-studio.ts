import { once } from "node:events";
import type { FinetuneOptions, RunReport } from "../training/index.ts";
import { type CommandContext, openModel } from "./models.ts";
import { printJson } from "./terminal.ts";

/** Samples of a run that the page shows. */
const SAMPLES = 3;

/** What a run tells the page. */
export interface RunWatcher {
  readonly onReport: (report: RunReport) => void;
  /** Shows the answers of the fine-tuned model, and serves the page until the command is interrupted. */
  finish(): Promise<void>;
  /** Ends the page. */
  close(): Promise<void>;
}

type Watched = Pick<FinetuneOptions, "data" | "validation" | "out" | "lora"> & {
  /** The model by the name that was given. */
  readonly model: string;
  readonly isAdapter: boolean;
};

/** Opens the studio on a fine-tuning that is about to run. */
export async function watchRun(watched: Watched, context: CommandContext): Promise<RunWatcher> {
  const { answerOf, serveStudio } = await import("../studio/node.ts");
  const { terminal, signal, flags } = context;
  const texts = await sampleTexts(watched);
  const base = await openModel(watched.model, context);
  const models = new Map([[watched.model, base]]);
  const before = [];
  for (const text of texts) before.push({ text, before: await answerOf(base, text), after: null });
  let run: import("../studio/node.ts").StudioRun = {
    command: terminal.command ?? "lectern finetune",
    finished: false,
    adapter: watched.isAdapter,
    train: [],
    heldOut: [],
    confusion: null,
    samples: before,
    models: null,
  };
  const server = await serveStudio({ models, run: () => run });
  const address = `${server.url}#view=finetuning`;
  terminal.stderr.write(`studio: ${address}\n`);
  return { onReport: () => {}, finish: async () => {}, close: async () => {} };
}
