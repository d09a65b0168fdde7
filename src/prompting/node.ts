/** Parts that need Node: prompts in folders. */
export { listPrompts, type PromptEntry, readPrompt } from "./prompt-folder-node.ts";
