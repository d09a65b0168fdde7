/** Parts for pages alone. */

export { prepareEngine } from "./platform-web.ts";
export { pagePort, workerPort } from "./worker-web.ts";
