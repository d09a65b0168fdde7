import { once } from "node:events";
import { rm } from "node:fs/promises";
import type { Model } from "../inference/index.ts";
import type { StudioRun } from "../studio/node.ts";
import type { FinetuneOptions, RunReport } from "../training/index.ts";
import { type CommandContext, openModel } from "./models.ts";

/** The samples that the page shows. */
const SAMPLES = 3;

/** A page that shows a run. */
export interface RunPage {
  /** Adds a step to the page. */
  readonly onReport: (report: RunReport) => void;
  /** Adds the answers of the fine-tuned model, and serves the page until the command is interrupted. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

type Shown = Pick<FinetuneOptions, "data" | "validation" | "out" | "lora" | "columns"> & {
  /** The model, by the name that was given. */
  readonly model: string;
  readonly command: string;
};

/** Opens the studio on a fine-tuning that is about to begin: `lectern finetune … --studio`. */
export async function openRunPage(shown: Shown, context: CommandContext): Promise<RunPage> {
  const { answerOf, serveStudio } = await import("../studio/node.ts");
  const { evaluatedDirectory } = await import("./lazy/training.ts");
  const { terminal, signal } = context;
  const texts = await sampleTexts(shown);
  const base = await openModel(shown.model, context);
  const models = new Map<string, Model>([[shown.model, base]]);
  const samples: StudioRun["samples"][number][] = [];
  for (const text of texts) samples.push({ text, before: await answerOf(base, text), after: null, during: [] });
  let run: StudioRun = {
    ...{ command: shown.command, finished: false, adapter: shown.lora !== undefined },
    ...{ train: [], heldOut: [], confusion: null, samples, models: null },
  };
  const server = await serveStudio({ models, run: () => run });
  terminal.stderr.write(`studio: ${server.url}#view=finetuning\n`);
  /** Adds the answers of the model that the run kept at an evaluation, and removes it. */
  const sampleAt = async (step: number): Promise<void> => {
    const kept = evaluatedDirectory(shown.out, step);
    const model = await openModel(kept, context);
    try {
      for (const [i, { text }] of samples.entries()) {
        const answer = await answerOf(model, text);
        const sample = run.samples[i];
        if (answer === null || !sample) continue;
        run = { ...run, samples: run.samples.with(i, { ...sample, during: [...sample.during, { step, answer }] }) };
      }
    } finally {
      await model.dispose();
      await rm(kept, { recursive: true, force: true });
    }
  };
  let sampling = Promise.resolve();
  return {
    onReport({ step, loss, evaluation }) {
      run = { ...run, train: [...run.train, [step, loss]] };
      if (!evaluation) return;
      run = {
        ...run,
        heldOut: [...run.heldOut, [step, evaluation.loss]],
        confusion: evaluation.confusion ?? run.confusion,
      };
      sampling = sampling
        .then(() => sampleAt(step))
        .catch((error: Error) => {
          terminal.stderr.write(`studio: no samples of step ${step}: ${error.message}\n`);
        });
    },
    async finish() {
      await sampling;
      const tuned = await openModel(shown.out, context);
      models.set(shown.out, tuned);
      const after: StudioRun["samples"][number][] = [];
      for (const sample of run.samples) after.push({ ...sample, after: await answerOf(tuned, sample.text) });
      run = { ...run, finished: true, samples: after, models: { before: shown.model, after: shown.out } };
      terminal.stderr.write("The run has ended; its page stays open. Ctrl-C ends it.\n");
      if (!signal.aborted) await once(signal, "abort");
    },
    async close() {
      await sampling;
      await rm(evaluatedDirectory(shown.out), { recursive: true, force: true });
      await server.close();
      for (const model of models.values()) await model.dispose();
    },
  };
}

/** The first texts of the held-out examples, else of all. */
async function sampleTexts({ data, validation, columns = {} }: Shown): Promise<string[]> {
  const { exampleRows } = await import("./lazy/training.ts");
  const texts: string[] = [];
  for await (const { fields } of exampleRows(validation ?? data)) {
    const text = ["text", "prompt", "source"].map((name) => fields[columns[name] ?? name]).find((field) => field);
    if (typeof text === "string") texts.push(text);
    if (texts.length === SAMPLES) break;
  }
  return texts;
}
