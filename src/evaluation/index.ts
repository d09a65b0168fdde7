export { type Bleu, bleu } from "./bleu.ts";
export { type ClassScores, classScores } from "./class-scores.ts";
