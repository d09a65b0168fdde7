/**
 * ONNX Runtime's files for Node, out of the published onnxruntime-node: of each platform its library and its binding, in
 * a package of their own. The package itself is never installed: its install script downloads GPU libraries.
 *   node scripts/engine.mjs [PLATFORM …]     writes engine/PLATFORM; without a name, this machine's
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "1.30.0";
const INTEGRITY = "sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==";

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
    description: `ONNX Runtime ${VERSION} for lectern on ${platform}: its library and its Node binding.`,
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

/** Downloads onnxruntime-node through npm, with npm's own settings and cache, and returns the archive's name. */
function download(directory) {
  const options = { cwd: directory, stdio: ["ignore", "pipe", "inherit"], shell: process.platform === "win32" };
  const settings = ["--silent", "--pack-destination=.", "--dry-run=false", "--json=false", "--workspaces=false"];
  execFileSync("npm", ["pack", `onnxruntime-node@${VERSION}`, ...settings], options);
  const [archive] = readdirSync(directory).filter((name) => name.endsWith(".tgz"));
  const digest = createHash("sha512").update(readFileSync(join(directory, archive)));
  const integrity = `sha512-${digest.digest("base64")}`;
  if (integrity !== INTEGRITY)
    throw new Error(`onnxruntime-node ${VERSION}: expected ${INTEGRITY}; got ${integrity}; nothing was unpacked`);
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
    const path = join(folder, platform, "package.json");
    return !existsSync(path) || JSON.parse(readFileSync(path, "utf8")).version !== VERSION;
  });
  if (absent.length === 0) return targets;
  const temporary = mkdtempSync(join(tmpdir(), "lectern-engine-"));
  try {
    const archive = download(temporary);
    for (const platform of absent) write(platform, { archive, temporary, target: join(folder, platform) });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return targets;
}

/** Unpacks one platform beside its place and moves it there whole, so that two processes may do it at once. */
function write(platform, { archive, temporary, target }) {
  const source = `package/bin/napi-v6/${platform.replace("-", "/")}`;
  const files = [LIBRARIES[platform], "onnxruntime_binding.node"];
  execFileSync("tar", ["-xzf", archive, ...files.map((name) => `${source}/${name}`)], { cwd: temporary });
  const beside = `${target}.${process.pid}.part`;
  for (const name of files) cpSync(join(temporary, source, name), join(beside, name));
  for (const name of ["LICENSE", "ThirdPartyNotices.txt"])
    cpSync(join(root, "licenses/onnxruntime", name), join(beside, name));
  writeFileSync(join(beside, "package.json"), `${JSON.stringify(manifest(platform), null, 2)}\n`);
  const readme = `# ${engineName(platform)}\n\nThe part of [onnxruntime-node](https://www.npmjs.com/package/onnxruntime-node) ${VERSION} that\n[lectern](https://www.npmjs.com/package/lectern) loads on ${platform}. MIT licence, © Microsoft Corporation.\n`;
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
