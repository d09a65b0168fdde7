import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const readme = readFileSync(`${root}README.md`, "utf8");
const built = existsSync(`${root}dist/cli/main.js`);
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map((match) => match[1] as string);

describe.skipIf(!built)("the README (skipped until `npm run build` has run)", () => {
  test("its TypeScript runs as it stands", () => {
    const [code] = blocks("ts");
    const checked = `${code}\nprocess.stdout.write("\\n" + JSON.stringify({ text, logits: logits.shape, layers: attentions.length }));`;
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", checked], {
      cwd: root,
      encoding: "utf8",
    });
    const result = JSON.parse(output.slice(output.lastIndexOf("\n") + 1)) as {
      text: string;
      logits: number[];
      layers: number;
    };
    expect(result.text.length).toBeGreaterThan(40);
    expect(result).toMatchObject({ logits: [1, 3, 2048], layers: 6 });
  });

  test("its commands on the shipped model run as they stand", () => {
    const commands = blocks("sh")
      .join("")
      .split("\n")
      .filter((line) => line.startsWith("npx lectern") && !/path\/to|owner\/name|OUT/.test(line));
    expect(commands.length).toBeGreaterThan(2);
    for (const command of commands) {
      const output = execFileSync(
        "bash",
        ["-c", command.replace("npx lectern", `"${process.execPath}" dist/cli/main.js`)],
        { cwd: root, encoding: "utf8" },
      );
      expect(output.length, command).toBeGreaterThan(20);
    }
  }, 240_000);

  test("`npm start` without a terminal tells a story of 60 words or more", () => {
    // One story in hundreds ends sooner; a seed makes it the same story each time.
    const run = ["dist/cli/main.js", "run", "--seed", "7"];
    const output = execFileSync(process.execPath, run, { cwd: root, encoding: "utf8" });
    expect(output.split(/\s+/).filter(Boolean).length).toBeGreaterThanOrEqual(60);
    expect(output.startsWith("Once upon a time")).toBe(true);
  });
});
