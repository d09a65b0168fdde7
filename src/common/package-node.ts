import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LecternError } from "./errors.ts";
import { VERSION } from "./version.ts";

let root: string | undefined;

/**
 * The directory that the package is installed in: native libraries, the worker's file and the shipped models are read
 * from it at run time. Code that a bundler moved into another file finds the installed package as Node would resolve it
 * from that file, from the program's main file, or from the working directory.
 *
 * @throws code `file` where the package is not installed, or in another version than the bundled one
 */
export function packageRoot(): string {
  root ??= findRoot();
  return root;
}

/** Node's own `require` as it works in a directory; bundlers do not see it, so what it loads stays outside of bundles. */
export function requireFrom(directory: string): NodeJS.Require {
  return process.getBuiltinModule("node:module").createRequire(join(directory, "_.js"));
}

function findRoot(): string {
  const others: string[] = [];
  for (const directory of candidates()) {
    const version = versionIn(directory);
    if (version === VERSION) return directory;
    if (version !== undefined) others.push(`${version} in ${directory}`);
  }
  throw new LecternError(
    "file",
    `finding the files of the package: expected lectern ${VERSION} installed where the bundle runs; ` +
      `got ${others.length > 0 ? others.join(", ") : "none"}; install lectern ${VERSION} there, or exclude lectern from the bundle (external)`,
  );
}

function* candidates(): Generator<string> {
  const here = ownDirectory();
  if (here !== undefined) yield join(here, "..", "..");
  const program = process.argv[1];
  for (const directory of [here, program && dirname(program), process.cwd()]) {
    if (!directory) continue;
    try {
      yield dirname(requireFrom(directory).resolve("lectern/package.json"));
    } catch {
      // Not installed there: the next place is asked.
    }
  }
}

/** The directory of this file, or of the bundle that it is in; a CommonJS bundle has no `import.meta.url`. */
function ownDirectory(): string | undefined {
  const url: string | undefined = import.meta.url;
  if (url?.startsWith("file:")) return dirname(fileURLToPath(url));
  return typeof __dirname === "string" ? __dirname : undefined;
}

/** The version of the package in a directory, if it is this package. */
function versionIn(directory: string): string | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    return name === "lectern" && typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}
