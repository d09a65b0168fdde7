import { dirname } from "node:path";
import { isMainThread } from "node:worker_threads";
import { requireFrom } from "../common/node.ts";
import { engineFiles } from "./engine-files-node.ts";

/** The environment variable that disables ONNX Runtime's telemetry if it is set before the library is loaded. */
const VARIABLE = "ORT_DISABLE_TELEMETRY";

/** The part of koffi's addon that sets a variable of the process. */
interface Koffi {
  load(path: string | null): { func(declaration: string): (name: string, value: string, replaces: number) => number };
}

/**
 * Switches the engine's telemetry off, unless the user has set the variable; to be called before the engine is loaded. In a
 * worker thread `process.env` is a copy, so there the variable is set through the C library.
 */
export function disableTelemetry(): void {
  if (process.env[VARIABLE] !== undefined) return;
  process.env[VARIABLE] = "1";
  if (isMainThread || process.platform === "win32") return;
  try {
    const folder = dirname(engineFiles().library);
    const { load } = requireFrom(folder)(`${folder}/koffi.node`) as Koffi;
    load(null).func("int setenv(const char*, const char*, int)")(VARIABLE, "1", 0);
  } catch {
    // Where the addon cannot be loaded, the variable is that of the main thread.
  }
}
