/** Parts for pages alone. */
export { pagePort, workerPort } from "./worker-web.ts";
export { prepareEngine } from "./platform-web.ts";
