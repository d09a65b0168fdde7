export {
  evaluatedDirectory,
  evaluateRecipe,
  exampleRows,
  finetune,
  mergeAdapter,
  parseRecipe,
  parseRunOverrides,
  presentRecipe,
  readExamples,
  readText,
  trainRecipe,
} from "../../training/index.ts";
