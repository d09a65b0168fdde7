import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { check } from "../common/index.ts";
import { packageRoot, requireFrom } from "../common/node.ts";

/** ONNX Runtime's files for this platform. */
export interface EngineFiles {
  /** ONNX Runtime's version. */
  readonly version: string;
  /** The absolute path of its library. */
  readonly library: string;
  /** The absolute path of the library's Node binding, which finds the library beside it. */
  readonly binding: string;
}

/**
 * ONNX Runtime's files for this platform: in the package's own `engine` directory, or in the package of the platform,
 * one of the optional dependencies. Both have the same content.
 *
 * @throws code `engine` where neither is installed
 */
export function engineFiles(): EngineFiles {
  const platform = `${process.platform}-${process.arch}`;
  const name = `lectern-engine-${platform}`;
  const own = join(packageRoot(), "engine", platform, "package.json");
  const manifest = readManifest(own) ?? readManifest(resolvePackage(name));
  check(
    manifest,
    "engine",
    () =>
      `loading ONNX Runtime: expected its files in ${dirname(own)} or in the package ${name}; got neither; on Linux ` +
      "(x64, arm64), macOS (arm64) and Windows (x64, arm64), install lectern again with optional dependencies; " +
      "ONNX Runtime is not built for other platforms",
  );
  return manifest;
}

function readManifest(path: string | undefined): EngineFiles | undefined {
  if (path === undefined) return undefined;
  try {
    const { version, main } = JSON.parse(readFileSync(path, "utf8")) as { version: string; main: string };
    return { version, library: join(dirname(path), main), binding: join(dirname(path), "onnxruntime_binding.node") };
  } catch {
    return undefined;
  }
}

/** The `package.json` of an optional dependency that is installed. */
function resolvePackage(name: string): string | undefined {
  try {
    return requireFrom(packageRoot()).resolve(`${name}/package.json`);
  } catch {
    return undefined;
  }
}
