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

/** A refusal: the JSON pointer of what cannot be enforced, or a schema that no value fits. */
const REFUSED = /^schema: (?:(?:the root|\/.*?): |no JSON value )/;

/** The automaton of a schema, or the code with which it is refused: `usage` where no value fits. */
function compiled(schema: unknown): Automaton | "unsupported" | "usage" {
  try {
    return new Automaton(compileSchema(schema));
  } catch (error) {
    const code = error instanceof LecternError && REFUSED.test(error.message) ? error.code : undefined;
    if (code === "unsupported" || code === "usage") return code;
    throw new Error(`${JSON.stringify(schema)}: ${(error as Error).stack}`);
  }
}

test(`Ajv finds ${DOCUMENTS} documents of random schemas valid`, { timeout: 3_600_000 }, () => {
  const ajv = new Ajv2020({ strict: false, multipleOfPrecision: 9, logger: false });
  formats.default(ajv);
  const writer = new SchemaWriter(new Random(SEED, 0, 0));
  const invalid: unknown[] = [];
  let [documents, endless] = [0, 0];
  const schemas = { enforced: 0, unsupported: 0, usage: 0 };
  while (documents < DOCUMENTS) {
    const schema = writer.document();
    const automaton = compiled(schema);
    schemas[typeof automaton === "string" ? automaton : "enforced"]++;
    if (typeof automaton === "string") continue;
    const validate = ajv.compile(schema);
    for (let i = 0; i < DOCUMENTS_OF_SCHEMA; i++) {
      const text = (() => {
        try {
          return randomText(automaton, (count) => writer.below(count));
        } catch (error) {
          throw new Error(`${JSON.stringify(schema)}: ${(error as Error).message}`);
        }
      })();
      if (text === undefined) {
        endless++;
        continue;
      }
      documents++;
      if (!validate(JSON.parse(text))) invalid.push({ schema, text, errors: validate.errors });
    }
    if (typeof schema === "object") ajv.removeSchema(schema); // Ajv keeps what it compiles
  }
  console.log(
    `${schemas.enforced} schemas enforced, ${schemas.unsupported} refused by pointer, ${schemas.usage} that no value fits; ` +
      `${documents} documents, ${invalid.length} invalid; ${endless} walks without an end`,
  );
  expect(invalid).toEqual([]);
});
