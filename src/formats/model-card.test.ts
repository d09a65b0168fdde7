import { expect, test } from "vitest";
import { licenceOf } from "./model-card.ts";

test.each([
  ["---\nlicense: apache-2.0\ntags:\n- x\n---\n# A model", "apache-2.0"],
  ['---\r\ntags: []\r\nlicense: "mit" # or so\r\n---\r\n', "mit"],
  ["---\nlicense:\n- mit\n- apache-2.0\nlanguage: en\n---\n", "mit, apache-2.0"],
  ["---\nlicense: [mit, bsd]\n---\n", "mit, bsd"],
  ["---\nlicense: other\nlicense_name: llama3\n---\n", "llama3"],
  ["---\ntags:\n- license: x\n---\n", undefined],
  ["# no front matter\nlicense: mit\n", undefined],
])("the licence of %j is %s", (readme, licence) => {
  expect(licenceOf(readme)).toBe(licence);
});
