/**
 * The tarballs of a release, staged from what `npm pack` would take: without scripts and development dependencies, and
 * with the engine either inside, for one platform, or in the platforms' own packages, as the registry has it.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ENGINE_VERSION, engineName, PLATFORMS, writeEngines } from "./engine.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));

/** The folder of a platform's engine: apart from `engine/`, which `npm pack` takes whole. */
function engineFolder(platform) {
  const kept = join(root, ".cache", "engine");
  writeEngines(PLATFORMS, kept);
  return join(kept, platform);
}

export function npm(args, cwd) {
  return execFileSync("npm", args, { cwd, encoding: "utf8", maxBuffer: 2 ** 26, shell: process.platform === "win32" });
}

/** The paths of the package's files, the engine left out. */
export function packedFiles() {
  const [{ files }] = JSON.parse(npm(["pack", "--dry-run", "--json", "--ignore-scripts"], root));
  return files.map(({ path }) => path).filter((path) => !path.startsWith("engine/"));
}

/** The tarball that needs nothing but the registry's other packages, for one platform. */
export function packWhole(platform, destination) {
  return packStaged(
    destination,
    (stage, manifest) => {
      cpSync(engineFolder(platform), join(stage, "engine", platform), { recursive: true });
      const [os, cpu] = platform.split("-");
      return { ...manifest, os: [os], cpu: [cpu] };
    },
    `-${platform}`,
  );
}

/** The tarball for the registry, whose optional dependencies bring the engine. */
export function packForRegistry(destination) {
  const optionalDependencies = Object.fromEntries(PLATFORMS.map((platform) => [engineName(platform), ENGINE_VERSION]));
  return packStaged(destination, (_, manifest) => ({ ...manifest, optionalDependencies }), "");
}

/** The tarball of a platform's engine, for the registry. */
export function packEngine(platform, destination) {
  return pack(engineFolder(platform), destination);
}

function packStaged(destination, complete, suffix) {
  const stage = mkdtempSync(join(tmpdir(), "lectern-pack-"));
  try {
    for (const path of packedFiles()) cpSync(join(root, path), join(stage, path));
    const { scripts, devDependencies, overrides, workspaces, ...manifest } = JSON.parse(
      readFileSync(join(root, "package.json"), "utf8"),
    );
    writeFileSync(join(stage, "package.json"), `${JSON.stringify(complete(stage, manifest), null, 2)}\n`);
    const path = pack(stage, destination);
    const named = path.replace(/\.tgz$/, `${suffix}.tgz`);
    renameSync(path, named);
    return named;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Packs a folder as it is, and returns the tarball's path. */
function pack(folder, destination) {
  const [{ filename }] = JSON.parse(
    npm(["pack", "--json", "--ignore-scripts", "--pack-destination", destination], folder),
  );
  return join(destination, filename);
}
