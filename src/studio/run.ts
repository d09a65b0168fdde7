import type { Model } from "../inference/index.ts";
import { studioCall } from "./calls.ts";

/** A model's answer to a sample: its classes with their probabilities, or the text that it goes on with. */
export type StudioAnswer = readonly (readonly [label: string, probability: number])[] | string;

/** A fine-tuning as the page shows it, recorded or while it runs. */
export interface StudioRun {
  /** The command, to run it again. */
  readonly command: string;
  /** False while steps are still to come. */
  readonly finished: boolean;
  /** True if an adapter is learned, and the base stays as it is. */
  readonly adapter: boolean;
  /** The loss of each step. */
  readonly train: readonly (readonly [step: number, loss: number])[];
  /** The held-out loss of the steps after which it was measured. */
  readonly heldOut: readonly (readonly [step: number, loss: number])[];
  /** Held-out examples by class at the last measurement: rows are what is right, columns what was said. */
  readonly confusion: { readonly labels: readonly string[]; readonly counts: readonly (readonly number[])[] } | null;
  /** Texts with the answers before and after; null: not there yet, or the model cannot answer. */
  readonly samples: readonly {
    readonly text: string;
    readonly before: StudioAnswer | null;
    readonly after: StudioAnswer | null;
    /** The answers of the model as it was at evaluations on the way, by step. */
    readonly during: readonly { readonly step: number; readonly answer: StudioAnswer }[];
  }[];
  /** The names of both models in the page's list, once the run has finished; null where they cannot be asked. */
  readonly models: { readonly before: string; readonly after: string } | null;
}

/** New tokens of an answer. */
const NEW_TOKENS = 24;

/** A model's answer to a text: a classifier's classes, the text that others go on with; null of other models. */
export async function answerOf(model: Model, text: string): Promise<StudioAnswer | null> {
  const { classes, generates } = (await studioCall(model, "describe")) as {
    classes: readonly string[] | null;
    generates: boolean;
  };
  if (classes) {
    const found = (await studioCall(model, "classify", { text })) as { label: string; probability: number }[];
    return found.map(({ label, probability }) => [label, probability] as const);
  }
  if (!generates) return null;
  const { text: written } = await model.generate({ prompt: text }, { maxNewTokens: NEW_TOKENS, doSample: false });
  return written;
}
