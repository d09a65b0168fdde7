/** The studio's server. */
export { serveStudio } from "./server-node.ts";
