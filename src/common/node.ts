/** Parts that need Node. */
export { packageRoot, requireFrom } from "./package-node.ts";
