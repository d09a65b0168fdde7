/**
 * Prepares a release in `release/`: checks the tree, builds, packs, installs the package into an empty folder and lets it
 * generate, and writes the notes. Publishing is a person's step.
 *   npm run release [-- --allow-dirty]
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { PLATFORMS } from "./engine.mjs";
import { npm, packEngine, packForRegistry, packWhole } from "./pack.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const folder = join(root, "release");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

function require(condition, message) {
  if (condition) return;
  console.error(`release: ${message}`);
  process.exit(1);
}

/** The changelog's lines about this version. */
function changes() {
  const [, section] = readFileSync(join(root, "CHANGELOG.md"), "utf8").split(`\n## ${version}\n`);
  return section?.split("\n## ")[0].trim();
}

/** Installs a tarball into an empty folder and returns what its command generates. */
function tryOut(tarball) {
  const empty = mkdtempSync(join(tmpdir(), "lectern-release-"));
  try {
    npm(["install", "--no-audit", "--no-fund", tarball], empty);
    return npm(["exec", "--", "lectern", "run", "stories", "Once upon a time", "--max-new-tokens", "8"], empty).trim();
  } finally {
    rmSync(empty, { recursive: true, force: true });
  }
}

function line(path) {
  const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
  return `| ${relative(folder, path).replaceAll("\\", "/")} | ${(statSync(path).size / 1e6).toFixed(1)} MB | ${digest} |`;
}

const dirty = execFileSync("git", ["status", "--porcelain"], { cwd: root, encoding: "utf8" });
require(dirty === "" || process.argv.includes("--allow-dirty"), `expected a clean tree; got\n${dirty}commit or stash`);
require(changes(), `CHANGELOG.md has no section "## ${version}", or it is empty; write it`);
require(readFileSync(join(root, "src/common/version.ts"), "utf8").includes(
  `"${version}"`,
), `src/common/version.ts does not say ${version}; set it`);

rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, "registry"), { recursive: true });
npm(["run", "build"], root);
const whole = PLATFORMS.map((platform) => packWhole(platform, folder));
const registry = [
  ...PLATFORMS.map((platform) => packEngine(platform, join(folder, "registry"))),
  packForRegistry(join(folder, "registry")),
];
const own = whole[PLATFORMS.indexOf(`${process.platform}-${process.arch}`)];
require(own, "this machine's platform has no engine, so the package cannot be tried; use another machine");
console.log(`${basename(own)} in an empty folder: ${tryOut(own)}`);

const notes = `# Lectern ${version}

${changes()}

## Files

\`npm install lectern@${version}\`, or, without the registry's lectern, the file of your platform: \`npm install ./${basename(own)}\`.

| file | size | SHA-256 |
| --- | --- | --- |
${[...whole, ...registry].map(line).join("\n")}
`;
writeFileSync(join(folder, "NOTES.md"), notes);
console.log(`release/ is ready. A person publishes, the engines first:
${registry.map((path) => `  npm publish ${relative(root, path)}`).join("\n")}
  git tag v${version} && git push origin v${version}`);
