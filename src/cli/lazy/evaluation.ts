export {
  aggregateGroup,
  compareRuns,
  detectableDifference,
  evaluate,
  isGroup,
  leaves,
  loadTask,
  readItems,
  runPage,
  wrongItems,
} from "../../evaluation/node.ts";
