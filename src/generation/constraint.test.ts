import { describe, expect, test } from "vitest";
import { Random } from "../common/index.ts";
import { compileSchema, Vocabulary } from "../grammar/index.ts";
import { TokenConstraint } from "./constraint.ts";

const TEXTS = [
  ...Array.from({ length: 128 }, (_, byte) => String.fromCharCode(byte)),
  ...["ab", "abc", '":', '": ', '","', '":[', "12", " of", "the", '"},', "true", "ing", '{"', '["'],
  undefined, // the end token
];
const END = TEXTS.length - 1;
const vocabulary = new Vocabulary(TEXTS);

/** The tokens that may come after others. */
function mayFollow(constraint: TokenConstraint, ids: readonly number[]): number[] {
  const scores = new Float32Array(TEXTS.length);
  const step = { ids, promptLength: 0, encoderIds: [], maxLength: 1000 };
  constraint.processor([END]).apply(scores, step);
  return [...scores.keys()].filter((id) => scores[id] === 0);
}

describe("the constraint of a schema", () => {
  test("keeps no more than a bound, however many texts are written under it, and goes on with the same tokens", () => {
    const grammar = compileSchema({ type: "object" });
    const random = new Random(11, 0, 0);
    const constraint = new TokenConstraint("schema", grammar, vocabulary);
    let [most, forgotten] = [0, 0];
    for (let text = 0; forgotten < 2; text++) {
      const ids: number[] = [];
      for (let step = 0; step < 60; step++) {
        const before = constraint.kept;
        const next = mayFollow(constraint, ids);
        most = Math.max(most, constraint.kept);
        if (constraint.kept < before) {
          forgotten++;
          expect(next).toEqual(mayFollow(new TokenConstraint("schema", grammar, vocabulary), ids));
        }
        const id = next[Math.floor(random.next() * next.length)] as number;
        if (id === END) break;
        ids.push(id);
      }
      expect(text).toBeLessThan(20_000);
    }
    expect(most).toBeLessThan(110_000);
  });
});
