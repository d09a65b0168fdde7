import type { Advice } from "./next.ts";
import type { TaskKind } from "./task.ts";

/** The reasons for which a kind of task rules out a step. */
export const RULED_OUT: Readonly<Record<TaskKind, Partial<Readonly<Record<Advice["step"], string>>>>> = {
  classification: {
    prompt: "a classification head reads no prompt",
    "few shots": "a classification head reads no examples",
    "human feedback": "preferences train models that generate",
  },
  prompt: {},
  evaluation: {
    prompt: "the task file brings its own prompt; edit it there",
    "fine-tuning": "the rows of a task file are not in the form of a training task",
  },
  ask: {
    prompt: "the reader's prompt is that of lectern ask",
    "few shots": "passages take the place of examples",
    "fine-tuning": "an encoder learns from pairs of texts: lectern finetune --task sentence-similarity",
    "human feedback": "preferences train models that generate",
  },
};
