import { expect, test } from "vitest";
import type { TargetName } from "./protocol.ts";
import { fuzz } from "./run.ts";

const {
  LECTERN_FUZZ_CASES: cases = "600",
  LECTERN_FUZZ_SEED: seed = "18",
  LECTERN_FUZZ_TARGET: only,
  LECTERN_FUZZ_CASE: index,
} = process.env;

test(`${cases} damaged inputs give a result or a failure in words; none hangs, ends the process or takes 2 GB`, async () => {
  const faults = await fuzz({
    seed: Number(seed),
    cases: Number(cases),
    only: only?.split(",") as TargetName[] | undefined,
    index: index === undefined ? undefined : Number(index),
    onFault: ({ target, index, what }) =>
      process.stderr.write(`--target ${target} --seed ${seed} --case ${index}: ${what}\n\n`),
  });
  expect(faults.map(({ target, index, what }) => `--target ${target} --seed ${seed} --case ${index}: ${what}`)).toEqual(
    [],
  );
}, 3_600_000);
