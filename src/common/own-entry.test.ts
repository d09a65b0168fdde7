import { expect, test } from "vitest";
import { ownEntry } from "./own-entry.ts";

test.each(["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"])(
  "%s is no entry of a table that lacks it, and one of a table that has it",
  (name) => {
    expect(ownEntry({ gelu: 1 }, name)).toBeUndefined();
    expect(ownEntry(JSON.parse(`{ "${name}": 2 }`), name)).toBe(2);
  },
);

test.each([undefined, null, 0, ["gelu"], {}])("%s is no key", (key) => {
  expect(ownEntry({ gelu: 1, "0": 2 }, key)).toBeUndefined();
});
