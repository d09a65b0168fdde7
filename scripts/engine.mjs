/**
 * ONNX Runtime's files for Node, out of the published onnxruntime-node: of each platform its library and its binding, in
 * a package of their own, with the addon of koffi through which the library's C interface is called. Neither package is
 * installed: their install scripts download GPU libraries and compile C++.
 *   node scripts/engine.mjs [PLATFORM …]     writes engine/PLATFORM; without a name, this machine's
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "1.30.0";
const RUNTIME = {
  name: `onnxruntime-node@${VERSION}`,
  integrity: "sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==",
};

const KOFFI = "3.3.4";
/** The integrity of koffi's packages, by platform. */
const ADDONS = {
  "darwin-arm64": "sha512-KWc1kRttFZrFWo3bJKsmiQd/wLIaxs2eIFY10US0PcC93nBfvKOqhGrYK6DNprRMoGwSN99wxIFBJrHDAqw5ew==",
  "linux-arm64": "sha512-k6FPjEYDioyVihUqvRFX4QZK0RL/Rrn4xPEzrKxODxgLAUXlhBTut391zPzgsMcArXgN4YTuS11M/kxmA5s+Fg==",
  "linux-x64": "sha512-xi47MKuoQ9fA2SsrH6wljl9t9120hO66qEmb1le6q636q55J974cZfcwDrK5nW1GalJ+0NLXoH2T3/NGQBzPNw==",
  "win32-arm64": "sha512-TQLDhDMfq7x8fhIzD4FdqJ7QxEgkHLrcN8Bj6wPHbf85OyXtOLHCw7VRj9PZ6+uyPfaqnb25gmHQuEK8WxR3vg==",
  "win32-x64": "sha512-/SpehfYrO9DtkoB0ZOgGyco4GH4zwhEyFqgCm0x8lbzXnrKiwnHXWmPpfuXhFYohFvoSO5jlLQz/hc1fJ5G0AQ==",
};

/** What each platform needs for computing on the CPU; onnxruntime-node has more, for GPUs. */
const LIBRARIES = {
  "darwin-arm64": "libonnxruntime.1.dylib",
  "linux-arm64": "libonnxruntime.so.1",
  "linux-x64": "libonnxruntime.so.1",
  "win32-arm64": "onnxruntime.dll",
  "win32-x64": "onnxruntime.dll",
};

export const PLATFORMS = Object.keys(LIBRARIES);
export const engineName = (platform) => `lectern-engine-${platform}`;
export { VERSION as ENGINE_VERSION };

const root = fileURLToPath(new URL("../", import.meta.url));
const here = `${process.platform}-${process.arch}`;

/** The package.json of a platform's engine package. */
function manifest(platform) {
  const { license, homepage, bugs, repository, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const [os, cpu] = platform.split("-");
  return {
    name: engineName(platform),
    version: VERSION,
    description: `ONNX Runtime ${VERSION} for lectern on ${platform}: its library, its Node binding and an addon that calls it.`,
    license,
    author: "Microsoft Corporation",
    homepage,
    bugs,
    repository,
    main: LIBRARIES[platform],
    os: [os],
    cpu: [cpu],
    ...(os === "linux" && { libc: ["glibc"] }),
    engines,
  };
}

/** Downloads a package through npm, with npm's own settings and cache, and returns the archive's path. */
function download({ name, integrity: expected }, directory) {
  const options = {
    cwd: directory,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32",
  };
  const settings = ["--silent", "--pack-destination=.", "--dry-run=false", "--json=false", "--workspaces=false"];
  const archive = join(directory, execFileSync("npm", ["pack", name, ...settings], options).trim());
  const integrity = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (integrity !== expected) throw new Error(`${name}: expected ${expected}; got ${integrity}; nothing was unpacked`);
  return archive;
}

/**
 * Writes engine packages as `PLATFORM` folders, unless they are there.
 * @returns the folders
 */
export function writeEngines(platforms, folder) {
  const targets = platforms.map((platform) => join(folder, platform));
  const absent = platforms.filter((platform) => {
    if (!(platform in LIBRARIES)) throw new Error(`no engine for ${platform}; expected one of ${PLATFORMS.join(", ")}`);
    const [path, addon] = ["package.json", "koffi.node"].map((file) => join(folder, platform, file));
    return !existsSync(addon) || JSON.parse(readFileSync(path, "utf8")).version !== VERSION;
  });
  if (absent.length === 0) return targets;
  const temporary = mkdtempSync(join(tmpdir(), "lectern-engine-"));
  try {
    const archive = download(RUNTIME, temporary);
    for (const platform of absent) write(platform, { archive, temporary, target: join(folder, platform) });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return targets;
}

/** Unpacks one platform beside its place and moves it there whole, so that two processes may do it at once. */
function write(platform, { archive, temporary, target }) {
  const addon = download({ name: `@koromix/koffi-${platform}@${KOFFI}`, integrity: ADDONS[platform] }, temporary);
  const beside = `${target}.${process.pid}.part`;
  const unpack = (from, folder, files) => {
    execFileSync("tar", ["-xzf", from, ...files.map((name) => `package/${folder}/${name}`)], { cwd: temporary });
    for (const name of files) cpSync(join(temporary, "package", folder, name), join(beside, name));
  };
  unpack(archive, `bin/napi-v6/${platform.replace("-", "/")}`, [LIBRARIES[platform], "onnxruntime_binding.node"]);
  unpack(addon, platform.replace("-", "_"), ["koffi.node"]);
  for (const name of ["LICENSE", "ThirdPartyNotices.txt"])
    cpSync(join(root, "licenses/onnxruntime", name), join(beside, name));
  cpSync(join(root, "licenses/koffi/LICENSE"), join(beside, "koffi.LICENSE"));
  writeFileSync(join(beside, "package.json"), `${JSON.stringify(manifest(platform), null, 2)}\n`);
  const readme = `# ${engineName(platform)}\n\nThe parts of [onnxruntime-node](https://www.npmjs.com/package/onnxruntime-node) ${VERSION} (MIT licence, © Microsoft\nCorporation) and [koffi](https://www.npmjs.com/package/koffi) ${KOFFI} (MIT licence, © Niels Martignène) that\n[lectern](https://www.npmjs.com/package/lectern) loads on ${platform}.\n`;
  writeFileSync(join(beside, "README.md"), readme);
  rmSync(target, { recursive: true, force: true });
  try {
    renameSync(beside, target);
  } catch (error) {
    rmSync(beside, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
}

/** Vitest's global setup: tests run from a fresh checkout. */
export default function setup() {
  if (here in LIBRARIES) writeEngines([here], join(root, "engine"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2);
  if (asked.length > 0 || here in LIBRARIES) writeEngines(asked.length > 0 ? asked : [here], join(root, "engine"));
  else console.warn(`ONNX Runtime is not built for ${here}: Lectern can be built here, but not run`);
}
