export { type HeldOutItem, heldOutItems } from "./held-out-items.ts";
export {
  compositions,
  drawComposition,
  drawTask,
  examplesOf,
  type InContextExample,
} from "./in-context-tasks.ts";
