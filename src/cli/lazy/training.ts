export {
  evaluateRecipe,
  finetune,
  mergeAdapter,
  parseRecipe,
  parseRunOverrides,
  presentRecipe,
  readText,
  trainRecipe,
} from "../../training/index.ts";
