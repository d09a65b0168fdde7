/** The studio's server. */
export { serveStudio } from "./server-node.ts";
export { answerOf, type StudioRun } from "./run.ts";
