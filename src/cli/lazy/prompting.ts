export { buildPrompt, checkPrompt, encodePrompt, specialTokenFindings } from "../../prompting/index.ts";
export { listPrompts, readPrompt } from "../../prompting/node.ts";
