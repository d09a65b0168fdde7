export {
  finetune,
  measureRecipe,
  mergeAdapter,
  parseRecipe,
  parseWith,
  readText,
  runOverrides,
  trainRecipe,
} from "../../training/index.ts";
