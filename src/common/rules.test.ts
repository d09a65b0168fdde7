import { describe, expect, test, vi } from "vitest";
import { CallerFunctions } from "./caller-functions.ts";
import { didYouMean, suggestion } from "./errors.ts";
import { checkFields, rules } from "./rules.ts";

test("a name is suggested where it is near, and few names are listed where none is", () => {
  const known = ["temperature", "topK", "topP"];
  expect(didYouMean("temprature", known)).toBe("; did you mean temperature?");
  expect(didYouMean("foo", known)).toBe("");
  expect(suggestion("foo", known)).toBe("; known are temperature, topK, topP");
  expect(suggestion("foo", [])).toBe("");
});

test("fields are looked up by own keys alone", () => {
  for (const name of ["constructor", "toString", "__proto__"])
    expect(() => checkFields("load", JSON.parse(`{"${name}": 1}`), { threads: rules.count })).toThrow(
      `load: there is no option ${name}`,
    );
});

describe("functions of a caller", () => {
  test("that fail cancel the work and are thrown in place of its result, which is dropped", async () => {
    const functions = new CallerFunctions();
    const own = functions.wrap(async () => {
      throw new Error("own");
    });
    const dropped = vi.fn(async () => {});
    const work = (async () => {
      own?.();
      await new Promise((resolve) => functions.signal.addEventListener("abort", resolve));
      return 5;
    })();
    await expect(functions.settle(work, dropped)).rejects.toThrow("own");
    expect(dropped).toHaveBeenCalledWith(5);
  });

  test("are waited for, and give way to nothing where they succeed", async () => {
    const functions = new CallerFunctions();
    let done = false;
    const own = functions.wrap(async () => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      done = true;
    });
    own?.();
    expect(await functions.settle(Promise.resolve(5))).toBe(5);
    expect(done).toBe(true);
  });

  test("pass the caller's own cancellation on", () => {
    const stop = new AbortController();
    const { signal } = new CallerFunctions(stop.signal);
    stop.abort();
    expect(signal.aborted).toBe(true);
  });
});
