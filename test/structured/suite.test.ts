import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { LecternError } from "../../src/common/index.ts";
import { Automaton, compileSchema } from "../../src/grammar/index.ts";
import { takes } from "./takes.ts";

interface Group {
  readonly description: string;
  readonly schema: unknown;
  readonly tests: readonly { readonly description: string; readonly data: unknown; readonly valid: boolean }[];
}

/** JSON-Schema-Test-Suite, draft 2020-12, as the PyPI package jsonschema 4.26.0 holds it. */
const folder = new URL("suite/", import.meta.url);
const groups = readdirSync(folder, { recursive: true })
  .map(String)
  .filter((path) => path.endsWith(".json"))
  .flatMap((path) => JSON.parse(readFileSync(new URL(path, folder), "utf8")) as Group[]);

/** Undefined where a schema is refused by its pointer; "empty" where nothing fits it. */
function compiled(schema: unknown): Automaton | "empty" | undefined {
  try {
    return new Automaton(compileSchema(schema));
  } catch (error) {
    const { code, message } = error as LecternError;
    if (code === "usage" && /^schema: no JSON value/.test(message)) return "empty";
    expect(code).toBe("unsupported");
    expect(message).toMatch(/^schema: (the root|\/.*): /);
    return undefined;
  }
}

test("every schema of the suite is enforced or refused, and no invalid document is accepted", {
  timeout: 120_000,
}, () => {
  const counts = { schemas: 0, refused: 0, rejected: 0, accepted: 0, otherForm: 0 };
  const wrong: unknown[] = [];
  for (const { schema, description, tests } of groups) {
    counts.schemas++;
    const automaton = compiled(schema);
    if (!automaton) {
      counts.refused++;
      continue;
    }
    for (const one of tests) {
      const isTaken = automaton !== "empty" && takes(automaton, JSON.stringify(one.data));
      if (isTaken && !one.valid) wrong.push([description, one.description]);
      if (automaton === "empty" && one.valid) wrong.push([description, one.description]);
      counts[one.valid ? (isTaken ? "accepted" : "otherForm") : "rejected"]++;
    }
  }
  expect(wrong).toEqual([]);
  // Valid documents that are not accepted have keys in another order, an exponent, more than 15 digits, or a rarer form of a format.
  expect(counts).toEqual({ schemas: 438, refused: 75, rejected: 666, accepted: 860, otherForm: 92 });
});
