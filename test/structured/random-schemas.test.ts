import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { expect, test } from "vitest";
import { LecternError, Random } from "../../src/common/index.ts";
import { Automaton, compileSchema } from "../../src/grammar/index.ts";
import { randomText, SchemaWriter } from "./random-schemas.ts";

// npm run fuzz:schemas writes 10,000 documents; here a part of that.
const DOCUMENTS = Number(process.env.LECTERN_FUZZ_CASES ?? 150);
const SEED = Number(process.env.LECTERN_FUZZ_SEED ?? 7);
const DOCUMENTS_OF_SCHEMA = 3;

function compiled(schema: unknown): Automaton | undefined {
  try {
    return new Automaton(compileSchema(schema));
  } catch (error) {
    const isExplained = error instanceof LecternError && (error.code === "unsupported" || error.code === "usage");
    if (!isExplained) throw new Error(`${JSON.stringify(schema)}: ${(error as Error).stack}`);
    return undefined;
  }
}

test(`Ajv finds ${DOCUMENTS} documents of random schemas valid`, { timeout: 3_600_000 }, () => {
  const ajv = new Ajv2020({ strict: false, multipleOfPrecision: 9, logger: false });
  formats.default(ajv);
  const writer = new SchemaWriter(new Random(SEED, 0, 0));
  const invalid: unknown[] = [];
  let documents = 0;
  let refused = 0;
  while (documents < DOCUMENTS) {
    const schema = writer.document();
    const automaton = compiled(schema);
    if (!automaton) {
      refused++;
      continue;
    }
    const validate = ajv.compile(schema);
    for (let i = 0; i < DOCUMENTS_OF_SCHEMA; i++) {
      const text = (() => {
        try {
          return randomText(automaton, (count) => writer.below(count));
        } catch (error) {
          throw new Error(`${JSON.stringify(schema)}: ${(error as Error).message}`);
        }
      })();
      if (text === undefined) continue;
      documents++;
      if (!validate(JSON.parse(text))) invalid.push({ schema, text, errors: validate.errors });
    }
    if (typeof schema === "object") ajv.removeSchema(schema); // Ajv keeps what it compiles
  }
  console.log(`${documents} documents; ${refused} schemas refused or without a document`);
  expect(invalid).toEqual([]);
});
