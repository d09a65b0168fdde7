export { type Bleu, bleu } from "./bleu.ts";
