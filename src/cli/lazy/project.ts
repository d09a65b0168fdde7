export {
  checkJunit,
  checkMarkdown,
  checkProject,
  figure,
  initialProject,
  overlapText,
  PROJECT_FILE,
  range,
  readProject,
} from "../../project/index.ts";
