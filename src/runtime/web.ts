/** Parts for pages alone. */
export { pagePort, workerPort } from "./worker-web.ts";
