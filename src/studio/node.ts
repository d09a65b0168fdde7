/** The studio's server. */

export { answerOf, type StudioRun } from "./run.ts";
export { serveStudio } from "./server-node.ts";
