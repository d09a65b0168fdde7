/** The worker thread of Node. */
export { prepareWorker } from "./worker-thread-node.ts";
