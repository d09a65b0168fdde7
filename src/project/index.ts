export { projectCard } from "./card.ts";
export { type CheckOptions, type CheckResult, checkProject } from "./check.ts";
export {
  type Gate,
  PROJECT_FILE,
  type Project,
  type ProjectFile,
  parseProject,
  projectJsonSchema,
  readProject,
  type Setup,
} from "./file.ts";
export type { GateResult, GateState } from "./gates.ts";
export { type InitOptions, initialProject } from "./init.ts";
export { type Located, type Locating, locateSetup } from "./located.ts";
export type { MeasureOptions } from "./measure/quality.ts";
export { type Advice, type NextAdvice, nextSteps } from "./next.ts";
export {
  type DroppedSetting,
  type Optimized,
  type OptimizeGrid,
  type OptimizeOptions,
  type OptimizePlan,
  type OptimizeRow,
  optimizeProject,
} from "./optimize.ts";
export { checkJunit } from "./report/check-junit.ts";
export { checkMarkdown, figure, overlapText, range } from "./report/check-markdown.ts";
export { selectionAdvice, selectionCells, selectionMarkdown } from "./report/select-markdown.ts";
export { selectionSvg } from "./report/select-svg.ts";
export { type CandidateRow, type Selection, selectModel } from "./select.ts";
export { candidatesOf, type Deployment, projectStatus, recordDeployment, type StatusLine } from "./status.ts";
