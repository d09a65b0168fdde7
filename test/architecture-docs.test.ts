import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const page = readFileSync("docs/architecture.md", "utf8");
const places = page.slice(page.indexOf("## Where things are"));

test("every file that the architecture page names exists", () => {
  const named = [...page.matchAll(/`((?:[\w-]+\/)+[\w-]+\.ts)`/g)].map(([, path]) => path as string);
  expect(named.length).toBeGreaterThan(100);
  const missing = named.filter((path) => !existsSync(path) && !existsSync(`src/${path}`));
  expect(missing).toEqual([]);
});

test("the list of places reaches into every layer", () => {
  const layers = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const unnamed = layers.map(({ name }) => name).filter((name) => !places.includes(`\`${name}/`));
  expect(unnamed).toEqual([]);
});
