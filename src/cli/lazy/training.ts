export {
  evaluateRecipe,
  finetune,
  mergeAdapter,
  parseRecipe,
  parseWith,
  readText,
  runOverrides,
  trainRecipe,
} from "../../training/index.ts";
