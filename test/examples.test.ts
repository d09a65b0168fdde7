import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { classifyTexts, loadModel } from "../src/index.ts";
import { readSources, type Source } from "../src/training/index.ts";

const folder = fileURLToPath(new URL("../examples/minilm", import.meta.url));
const adapters = readdirSync(folder).filter((name) => existsSync(join(folder, name, "adapter_config.json")));
const recipes = JSON.parse(readFileSync(join(folder, "recipes.json"), "utf8")) as Record<string, { test: Source }>;
const report = (name: string) =>
  JSON.parse(readFileSync(join(folder, name, "report.json"), "utf8")) as { task: string; test: number };

test("there is an adapter for each task, of less than 1 MB, that names its base by its name on the hub", () => {
  expect(adapters.map((name) => report(name).task).toSorted()).toEqual(Object.keys(recipes).toSorted());
  for (const name of adapters) {
    const files = readdirSync(join(folder, name)).map((file) => statSync(join(folder, name, file)).size);
    expect(files.reduce((a, b) => a + b)).toBeLessThan(1e6);
    const config = JSON.parse(readFileSync(join(folder, name, "adapter_config.json"), "utf8")) as object;
    expect(config).toMatchObject({ base_model_name_or_path: "sentence-transformers/all-MiniLM-L6-v2" });
  }
});

const data = fileURLToPath(new URL("../../shared/data", import.meta.url));
describe.skipIf(!existsSync(data))("adapters on their base (skipped where ../shared/data is absent)", () => {
  test.each(adapters)("%s is right as often as its report says", async (name) => {
    const { task, test: figure } = report(name);
    const rows = await readSources(data, [(recipes[task] as { test: Source }).test]);
    const base = join(data, "models/all-MiniLM-L6-v2");
    await using model = await loadModel(join(folder, name), { base });
    const said = await classifyTexts(
      model,
      rows.map(({ fields }) => String(fields.text)),
    );
    const right = said.filter(([best], i) => best?.label === rows[i]?.fields.label).length;
    expect(right / rows.length).toBeCloseTo(figure, 2);
  });
});
