export { classifyTexts, type LabelScore } from "./text-classification.ts";
