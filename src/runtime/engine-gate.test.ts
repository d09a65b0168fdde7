import { expect, test } from "vitest";
import { EngineGate } from "./engine-gate.ts";

test("a call that blocks is counted while it runs, also where it throws, and left out once the gate is closed", async () => {
  const gate = new EngineGate();
  const other = new EngineGate(gate.memory); // of the other thread
  const inside = (): number | undefined => new Int32Array(gate.memory)[0];
  const seen: (number | undefined)[] = [];
  other.passNow(() => seen.push(inside()));
  expect([...seen, inside()]).toEqual([1, 0]);
  const fault = (): never => {
    throw new Error("does not load");
  };
  expect(() => other.passNow(fault)).toThrow("does not load");
  expect(inside()).toBe(0);
  await gate.close();
  other.passNow(() => seen.push(inside()));
  expect([...seen, inside()]).toEqual([1, 0]);
  await expect(other.pass(async () => 1)).rejects.toThrow("the model was disposed");
});
