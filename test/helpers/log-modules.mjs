/** For `node --import`: lists each module that is loaded, and at the end the native libraries, on file descriptor 3. */
import { writeSync } from "node:fs";
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

const hooks = `import { writeSync } from "node:fs";
export async function load(url, context, next) {
  writeSync(3, url + "\\n");
  return next(url, context);
}`;

if (isMainThread) {
  register(`data:text/javascript,${encodeURIComponent(hooks)}`);
  process.on("exit", () => writeSync(3, `${process.report.getReport().sharedObjects.join("\n")}\n`));
}
