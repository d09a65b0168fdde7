import { expect, test } from "vitest";
import { checkMemory } from "./check-memory.ts";

const GB = 2 ** 30;

test("weights that the memory cannot hold are refused with what is lacking", () => {
  expect(() => checkMemory(44 * GB, "float32", 16 * GB)).toThrow(
    "in float32 its weights take 44.0 GB of memory, there are 16.0 GB, 28.0 GB too few; load it with precision int8 or int4, or take a smaller model or a larger machine",
  );
  expect(() => checkMemory(17 * GB, "int4", 16 * GB)).toThrow("1.0 GB too few; take a smaller model");
  expect(() => checkMemory(2 ** 50, "int8")).toThrow("load it with precision int4");
});

test("weights that fit are not refused", () => {
  expect(() => checkMemory(16 * GB, "float32", 16 * GB)).not.toThrow();
});
