import { host } from "#training";
import type { Model } from "../../inference/index.ts";
import type { EvaluateOptions, Measured } from "../recipe/evaluate-recipe.ts";
import type { FinetuneOptions, FinetuneResult } from "../recipe/finetune.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { TrainOptions } from "../recipe/train-recipe.ts";
import type { RunResult } from "../run/run.ts";

/**
 * Trains a model as the recipe says, goes on from the checkpoint in `out` where there is one, and writes it. Computes in
 * a worker; the teacher and the callbacks run in the caller's thread. A tokenizer that is not the one of
 * `tokenizerDirectory` cannot be sent, so such a training computes in the caller's thread.
 *
 * @throws code `abort` once the signal has fired and the checkpoint is saved; what a callback throws, after the same
 */
export function trainRecipe(recipe: Recipe, options: TrainOptions): Promise<RunResult> {
  return host.trainRecipe(recipe, options);
}

/**
 * Fine-tunes a model on examples, goes on from the checkpoint in `out` where there is one, and writes it. Computes in a
 * worker, to which rows in memory are sent as they are read; the callbacks run in the caller's thread.
 *
 * @throws code `abort` once the signal has fired and the checkpoint is saved; what a callback throws, after the same
 */
export function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  return host.finetune(options);
}

/**
 * Measures a trained model as its recipe says, on what the recipe did not learn from: bits per byte of held-out texts,
 * accuracy on test examples, BLEU of translations. Computes in a worker, as training does.
 */
export function evaluateRecipe(recipe: Recipe, model: Model, options: EvaluateOptions): Promise<Measured[]> {
  return host.evaluateRecipe(recipe, model, options);
}

/**
 * Writes a model with an adapter merged into its weights, in the dtype that they had. Computes in a worker.
 * @returns the names of the tensors that changed
 */
export function mergeAdapter(model: string, directory: string, out: string): Promise<string[]> {
  return host.mergeAdapter(model, directory, out);
}
