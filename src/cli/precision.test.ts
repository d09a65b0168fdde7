import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { cli } from "../../test/helpers/cli.ts";
import { maxDifference, readTensors } from "../../test/helpers/fixtures.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
});

test("lectern forward --precision computes in that precision", async () => {
  const logits = async (precision: string) => {
    const file = `${precision}.safetensors`;
    const args = ["forward", "stories", "--input-ids", "5,9,12", "--precision", precision, "--out", join(folder, file)];
    expect(await cli(args)).toMatchObject({ code: 0, err: "" });
    return (await readTensors(folder, file)).logits as never;
  };
  const difference = maxDifference(await logits("int8"), await logits("float32"));
  expect(difference).toBeGreaterThan(1e-4);
  expect(difference).toBeLessThan(1);
});

test("lectern eval --precision translates in that precision", async () => {
  const recipe = JSON.parse(await readFile("models/translate/recipe.json", "utf8")) as { examples: object };
  const test = [{ lines: { source: "en.txt", target: "de.txt" } }];
  await writeFile(join(folder, "en.txt"), "Good morning.\n");
  await writeFile(join(folder, "de.txt"), "Guten Morgen.\n");
  const path = join(folder, "recipe.json");
  await writeFile(path, JSON.stringify({ ...recipe, examples: { ...recipe.examples, test } }));
  const args = ["eval", "translate", "--recipe", path, "--data", folder, "--precision", "int8", "--json"];
  const { code, out, err } = await cli([...args, "--quiet"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(JSON.parse(out)).toMatchObject({ results: [{ part: "test", metrics: { examples: 1 } }] });
});

test("lectern eval refuses a precision that its recipe does not follow", async () => {
  const args = ["eval", "stories", "--data", folder, "--precision", "int8"];
  expect(await cli(args)).toMatchObject({
    code: 1,
    out: "",
    err: expect.stringMatching(/is measured in float32; got --precision int8, which only .* follow; leave it out\n$/),
  });
});

test("--precision auto says once what it is, on standard error", async () => {
  const args = ["run", "stories", "Once", "--greedy", "--max-new-tokens", "2", "--precision", "auto"];
  const { code, err } = await cli(args);
  expect({ code, err }).toEqual({ code: 0, err: "precision: float32\n" });
  expect(await cli([...args, "--quiet"])).toMatchObject({ code: 0, err: "" });
});
