import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
);
const texts = new Map(files.map((name) => [name, readFileSync(`${root}${name}`, "utf8")]));

/** Constants of a module whose keys may be any text: what is looked up in them came from a file or a caller. */
function openTables(text: string): string[] {
  const declared = /^(?:export )?const (\w+): (?:Readonly<\s*)?(?:Partial<\s*)?Record<\s*string,/gm;
  return [...text.matchAll(declared)].map(([, name]) => name as string);
}

/** Places where a table is indexed by what is no literal, and nothing on the line asks whether it has the entry. */
function looseLookups(text: string, table: string): string[] {
  const index = new RegExp(`(?<![\\w.])${table}\\[(?!["'\`\\]])`);
  return text.split("\n").filter((line) => index.test(line) && !line.includes(`Object.hasOwn(${table},`));
}

test("tables of any text as key are looked up by own entries, since every object inherits a constructor", () => {
  const found = [...texts].flatMap(([name, text]) =>
    openTables(text).flatMap((table) => {
      const users = [...texts].filter(
        ([, other]) => other === text || new RegExp(`\\b${table}\\b[^;]*from "`).test(other),
      );
      return users.flatMap(([user, other]) =>
        looseLookups(other, table).map((line) => `${user}: ${line.trim()} (${name})`),
      );
    }),
  );
  expect(found).toEqual([]);
});

test("the search finds a loose lookup, and only that", () => {
  const text =
    'const known: Readonly<Record<string, number>> = { a: 1 };\nconst x = known[key];\nconst y = known["a"];\n';
  expect(openTables(text)).toEqual(["known"]);
  expect(looseLookups(text, "known")).toEqual(["const x = known[key];"]);
  expect(looseLookups("const x = Object.hasOwn(known, key) ? known[key] : 0;", "known")).toEqual([]);
});
