import { spawnSync } from "node:child_process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const dist = (path: string): string => fileURLToPath(new URL(`../dist/${path}`, import.meta.url));
const WARNING = "generation: maxLength has no effect beside maxNewTokens";

test("a warning of the thread that computes is one of the caller's process", () => {
  const script = `
    import { loadModel } from ${JSON.stringify(pathToFileURL(dist("index.js")).href)};
    process.on("warning", ({ name, message }) => console.log(name + " " + message));
    const model = await loadModel("stories");
    await model.generate({ prompt: "Once" }, { maxNewTokens: 2, maxLength: 9 });
    await model.dispose();`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(stdout).toContain(`LecternWarning ${WARNING}`);
});

test("the command line prints it as a line of its own", () => {
  const args = [dist("cli/main.js"), "run", "stories", "Once", "--max-new-tokens", "2", "--max-length", "9", "--quiet"];
  const { stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stderr).toMatch(new RegExp(`^lectern: ${WARNING}[^\\n]*\\n$`));
  expect(stdout).toContain("Once");
});
