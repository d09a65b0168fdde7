export { type CheckOptions, type CheckResult, checkProject } from "./check.ts";
export {
  EVIDENCE_FOLDER,
  type Gate,
  modelLocation,
  PROJECT_FILE,
  type Project,
  type ProjectFile,
  parseProject,
  projectJsonSchema,
  projectPath,
  readProject,
  type Setup,
} from "./file.ts";
export type { GateResult, GateState } from "./gates.ts";
export { type InitOptions, initialProject } from "./init.ts";
export type { MeasureOptions } from "./measure/quality.ts";
export { checkJunit } from "./report/check-junit.ts";
export { checkMarkdown, figure, overlapText, range } from "./report/check-markdown.ts";
