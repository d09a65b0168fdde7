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
