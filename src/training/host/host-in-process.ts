import { mergeAdapter } from "../adapters/lora.ts";
import { evaluateRecipe } from "../recipe/evaluate-recipe.ts";
import { finetune } from "../recipe/finetune.ts";
import { trainRecipe } from "../recipe/train-recipe.ts";
import type { TrainingHost } from "./host.ts";

/** Trains in the caller's thread: what runs from source, where a worker could not load TypeScript. */
export const host: TrainingHost = { trainRecipe, finetune, evaluateRecipe, mergeAdapter };
