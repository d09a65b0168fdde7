/**
 * Copies the schemas of responses that the tests check against out of a provider's OpenAPI document:
 * `node test/server/extract-schemas.mjs openapi.yml OUT.json NAME…`. The result keeps title, version, licence and what
 * the schemas refer to, without descriptions.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "yaml";

const [file, out, ...names] = process.argv.slice(2);
const document = parse(readFileSync(file, "utf8"), { maxAliasCount: -1 });
const { schemas } = document.components;
const kept = {};
const unneeded = new Set([
  "description",
  "title",
  "example",
  "examples",
  "x-oaiMeta",
  "x-stainless-const",
  "externalDocs",
  "x-oaiExpandable",
  "deprecated",
]);

function plain(value, isMap = false) {
  if (Array.isArray(value)) return value.map((item) => plain(item));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => isMap || !(unneeded.has(key) || key.startsWith("x-")));
  const { nullable, ...rest } = Object.fromEntries(
    entries.map(([key, item]) => [key, plain(item, !isMap && (key === "properties" || key === "$defs"))]),
  );
  if (isMap || nullable === undefined) return nullable === undefined ? rest : { nullable, ...rest };
  return nullable ? { anyOf: [rest, { type: "null" }] } : rest; // of OpenAPI 3.0, which JSON Schema has not
}

function keep(name) {
  if (name in kept) return;
  kept[name] = plain(schemas[name]);
  for (const [, other] of JSON.stringify(kept[name]).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) keep(other);
}
for (const name of names) keep(name);
const { title, version, license } = document.info;
const source = "https://github.com/openai/openai-openapi, openapi.yaml";
writeFileSync(
  out,
  `${JSON.stringify({ info: { title, version, license, source }, components: { schemas: kept } }, null, 1)}\n`,
);
console.log(Object.keys(kept).length, "schemas");
