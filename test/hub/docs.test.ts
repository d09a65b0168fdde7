import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { environment, repositoryFiles } from "../helpers/hub-cache.ts";
import { HubServer } from "../helpers/hub-server.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const main = `${root}dist/cli/main.js`;
const run = promisify(execFile);

test.skipIf(!existsSync(main))(
  "the examples of docs/hub.md run (skipped until `npm run build` has run)",
  async () => {
    const docs = await readFile(`${root}docs/hub.md`, "utf8");
    const block = (language: string): string => new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(docs)?.[1] ?? "";
    await using server = await new HubServer("openai-community/gpt2", await repositoryFiles("gpt2")).start();
    const home = await mkdtemp(join(tmpdir(), "lectern-hub-"));
    const env = { ...process.env, ...environment(server, home) };
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", block("ts")], { cwd: root, env });
    expect(stdout).toMatch(/^GPT-2 \d+\n$/);
    const commands = block("sh").trim().split("\n");
    expect(commands).toHaveLength(6);
    for (const command of commands) {
      const { stdout } = await run("bash", ["-c", command.replace("npx lectern", `"${process.execPath}" "${main}"`)], {
        cwd: root,
        env,
      });
      expect(stdout.length, command).toBeGreaterThan(10);
    }
  },
  600_000,
);
