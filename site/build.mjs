/**
 * Builds the site: the pages of `docs/`, the README as its first page, and the reference of every public entry from the
 * doc comments. Fails on an export without a doc comment, on a type that is referred to and not exported, and on a link
 * or an anchor that leads nowhere.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { checkLinks } from "./check-links.mjs";

const site = fileURLToPath(new URL("./", import.meta.url));
const root = join(site, "..");
const staged = join(site, ".build");
const repository = "https://github.com/lectern/lectern";
/** The address of a file or a folder of the repository. */
const OWN_FILE = new RegExp(`^${repository}/(?:blob|tree)/main/([^#]+)`);

/** The page of the site that a file of the repository becomes; undefined for a file that is no page. */
function pageOf(path) {
  if (path === "README.md") return "index.md";
  if (path === "CHANGELOG.md") return "changelog.md";
  return path.startsWith("docs/") && path.endsWith(".md") ? path.slice("docs/".length) : undefined;
}

/** A link of a page as the site has it: another page, a file beside the pages, or a file of the repository. */
function siteLink(link, path) {
  const [, file] = OWN_FILE.exec(link) ?? [];
  if (file && !existsSync(join(root, file))) throw new Error(`${path}: ${link} leads nowhere`);
  if (/^([a-z]+:|#)/i.test(link)) return link;
  const [relation, anchor = ""] = link.split(/(?=#)/);
  const target = posix.normalize(posix.join(posix.dirname(path), relation)).replace(/\/$/, "");
  const page = pageOf(target);
  if (page) return posix.join("/", page) + anchor;
  if (/^docs\/.*\.(svg|jpg|json)$/.test(target)) return posix.join("/", target.slice("docs/".length));
  const kind = statSync(join(root, target)).isDirectory() ? "tree" : "blob";
  return `${repository}/${kind}/main/${target}${anchor}`;
}

/** Copies a page, with its links rewritten outside of code. */
function stagePage(path) {
  const parts = readFileSync(join(root, path), "utf8").split(/(```[\s\S]*?\n```)/);
  const text = parts.map((part, i) =>
    i % 2 === 1 ? part : part.replace(/\]\(([^)\s]+)\)/g, (_, link) => `](${siteLink(link, path)})`),
  );
  const target = join(staged, pageOf(path));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text.join(""));
}

function run(command, ...args) {
  execFileSync(process.execPath, [join(site, "node_modules", command), ...args], { cwd: site, stdio: "inherit" });
}

rmSync(staged, { recursive: true, force: true });
const files = readdirSync(join(root, "docs"), { recursive: true }).map((name) => `docs/${name.replaceAll(sep, "/")}`);
for (const path of ["README.md", "CHANGELOG.md", ...files.filter((name) => name.endsWith(".md"))]) stagePage(path);
for (const path of files.filter((name) => /\.(svg|jpg|json)$/.test(name)))
  cpSync(join(root, path), join(staged, "public", relative("docs", path)));
run("typedoc/bin/typedoc", "--out", ".build/reference", "--logLevel", "Warn");
cpSync(join(site, "vitepress.config.mjs"), join(staged, ".vitepress", "config.mjs"));
run("vitepress/bin/vitepress.js", "build", ".build");
checkLinks(join(site, "dist"));
