import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, readJson } from "../helpers/fixtures.ts";
import { check, type Outcome, type RandomConfig } from "./random-configs.ts";

/** Others, recorded by random_configs.py, in place of the samples that are checked in. */
const { LECTERN_RANDOM_CONFIGS: other } = process.env;

/** Reference: transformers 5.23.0, torch 2.15.0, float32; seeds are in the file. */
test("random legal configs of every family are equal to the reference, or refused with the field named", async () => {
  const files = other
    ? [other]
    : ["random-configs.json", "random-newer-configs.json", "random-long-configs.json"].map((file) => fixture(file));
  const all = (await Promise.all(files.map((file) => readJson<RandomConfig[]>(file)))).flat();
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const outcomes: (Outcome & { readonly seed: number; readonly type: unknown })[] = [];
  for (const drawn of all) {
    const directory = join(folder, `${drawn.seed}`);
    outcomes.push({ ...(await check(drawn, directory)), seed: drawn.seed, type: drawn.config.model_type });
    await rm(directory, { recursive: true });
  }
  const of = (kind: Outcome["kind"]) => outcomes.filter((outcome) => outcome.kind === kind);
  if (other) for (const outcome of [...of("refused"), ...of("wrong")]) console.log(JSON.stringify(outcome));
  if (other) console.log(`${of("equal").length} equal, ${of("refused").length} refused, ${of("wrong").length} wrong`);
  expect(of("wrong")).toEqual([]);
  expect(of("equal").length).toBeGreaterThan(all.length * 0.8);
}, 1_800_000);
