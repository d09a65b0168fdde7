/** Runs the course: node scripts/course.mjs, after npm run build, writes what its blocks print into docs/course.md and docs/course.ko.md. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const BLOCK = /^```(sh|js|text)\n(.*?)^```$/gms;

/** The course's pages: one course in two languages. */
export const pages = ["course.md", "course.ko.md"].map((name) => join(root, "docs", name));

/** The code blocks of a page that run, each with the output that the page shows behind it. */
export function stepsOf(page) {
  const steps = [];
  for (const [, language, code] of page.matchAll(BLOCK))
    if (language !== "text") steps.push({ language, code, output: undefined });
    else steps.at(-1).output = code;
  return steps;
}

/** A folder like a clone, in which the steps run. */
export function openFolder() {
  const folder = mkdtempSync(join(tmpdir(), "lectern-course-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/lectern"), "dir");
  symlinkSync(join(root, "examples"), join(folder, "examples"), "dir");
  return { folder, close: () => rmSync(folder, { recursive: true }) };
}

/** Runs a step, a program by the name in its first line; returns what it prints on standard output. */
export function runStep({ language, code }, folder) {
  const main = `"${process.execPath}" "${join(root, "dist/cli/main.js")}"`;
  const name = /^\/\/ (\w+\.mjs)\n/.exec(code)?.[1];
  if (language === "js") writeFileSync(join(folder, name), code);
  const command = language === "js" ? `"${process.execPath}" ${name}` : code.replaceAll("npx lectern", main);
  const { status, stdout, stderr } = spawnSync("bash", ["-e", "-c", command], { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`${code}\nended with ${status}: ${stderr}`);
  return `${stdout.replaceAll(/[ \t]+$/gm, "").trim()}\n`;
}

function record() {
  const { folder, close } = openFolder();
  const outputs = stepsOf(readFileSync(pages[0], "utf8")).map((step) => runStep(step, folder));
  close();
  for (const page of pages) {
    let at = -1;
    const text = readFileSync(page, "utf8").replace(BLOCK, (block, language) => {
      if (language !== "text") at++;
      return language === "text" ? `\`\`\`text\n${outputs[at]}\`\`\`` : block;
    });
    writeFileSync(page, text);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) record();
