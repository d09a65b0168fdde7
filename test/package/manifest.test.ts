import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { packedFiles } from "../../scripts/pack.mjs";
import { VERSION } from "../../src/common/version.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;
const files = new Set(packedFiles().map((path) => path.replaceAll("\\", "/")));

const pages = [...files].filter((path) => path.endsWith(".md"));

describe("the package", () => {
  test("has the version that the code says", () => {
    expect(manifest.version).toBe(VERSION);
  });

  test("says where it comes from, and promises no command that does not exist", () => {
    expect(manifest).toMatchObject({
      repository: { type: "git", url: "git+https://github.com/lectern/lectern.git" },
      homepage: expect.stringMatching(/^https:\/\//),
      bugs: { url: expect.stringMatching(/^https:\/\//) },
      keywords: expect.arrayContaining(["transformers"]),
    });
    expect(manifest.description).not.toMatch(/serve/i);
  });

  test("installs no engine package whose install script downloads, and brings the engine's licences", () => {
    expect(Object.keys(manifest.dependencies as object).filter((name) => /onnxruntime/.test(name))).toEqual([]);
    expect(files).toContain("licenses/onnxruntime/LICENSE");
    expect(files).toContain("licenses/onnxruntime/ThirdPartyNotices.txt");
  });

  test.each(pages)("%s links to nothing that the package lacks", (page) => {
    const text = readFileSync(join(root, page), "utf8").replace(/```[\s\S]*?```/g, "");
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string);
    const own = targets.filter((target) => !/^([a-z]+:|#)/i.test(target)).map((target) => target.replace(/#.*/, ""));
    const absent = own.filter((target) => {
      const path = normalize(join(dirname(page), target))
        .replaceAll("\\", "/")
        .replace(/\/$/, "");
      return !files.has(path) && ![...files].some((file) => file.startsWith(`${path}/`));
    });
    expect(absent).toEqual([]);
  });
});
