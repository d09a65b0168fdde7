/**
 * Structured output: milliseconds to compile a schema in the worker that does so, and to find the tokens that may come
 * next, beside web-xgrammar in the same run. Both write the same documents. What the peer accepts of documents that do not
 * fit is counted as well.
 * Run: npm run build && npm install --no-save @mlc-ai/web-xgrammar@0.1.27 && node bench/structured.mjs TOKENIZER
 * where TOKENIZER holds a tokenizer.json, such as GPT-2's; without the peer only Lectern is measured.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Automaton, Vocabulary } from "../dist/grammar/index.js";
import { compileGrammar } from "../dist/inference/grammar/grammar-node.js";
import { Tokenizer, tokenBytes } from "../dist/tokenizers/index.js";

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("usage: node bench/structured.mjs TOKENIZER");
const tokenizer = new Tokenizer(JSON.parse(readFileSync(join(folder, "tokenizer.json"), "utf8")), {});
const peer = loadPeer();

/** The peer's package says that it holds ES modules, and its one file is none: it is run as CommonJS. */
function loadPeer() {
  const require = createRequire(import.meta.url);
  let path;
  try {
    path = require.resolve("@mlc-ai/web-xgrammar");
  } catch {
    return undefined;
  }
  const module = { exports: {} };
  new Function("module", "exports", "require", "__filename", "__dirname", readFileSync(path, "utf8"))(
    module,
    module.exports,
    require,
    path,
    dirname(path),
  );
  return module.exports;
}

const text = { type: "string" };
const closed = (properties) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const address = closed({ street: text, zip: { type: "string", pattern: "^\\d{5}$" }, city: text });
/** Schemas with a document that fits, and one that does not. */
const cases = {
  flat: [closed({ name: text, age: { type: "integer" } }), { name: "Ada", age: 36 }, { name: "Ada", age: 3.5 }],
  nested: [
    closed({ id: { type: "integer" }, address }),
    { id: 5, address: { street: "Main 1", zip: "12345", city: "Bonn" } },
    { id: 5, address: { street: "Main 1", zip: "1234", city: "Bonn" } },
  ],
  bounds: [
    closed({ score: { type: "number", minimum: 0, maximum: 1 }, rank: { type: "integer", minimum: 1, maximum: 100 } }),
    { score: 0.25, rank: 17 },
    { score: 1.5, rank: 17 },
  ],
  lengths: [
    closed({ title: { type: "string", minLength: 3, maxLength: 60 }, body: { type: "string", maxLength: 400 } }),
    { title: "A title of a text", body: "Some words, and a few more of them." },
    { title: "A", body: "" },
  ],
  list: [
    { type: "array", items: address, minItems: 1, maxItems: 20 },
    [{ street: "Main 1", zip: "12345", city: "Köln" }],
    [],
  ],
  choice: [
    {
      anyOf: [
        closed({ kind: { const: "circle" }, radius: { type: "number" } }),
        closed({ kind: { const: "box" }, width: { type: "number" }, height: { type: "number" } }),
      ],
    },
    { kind: "box", width: 1, height: 2.5 },
    { kind: "box", radius: 3 },
  ],
  enum: [
    closed({ country: { enum: Array.from({ length: 200 }, (_, i) => `country ${i}`) } }),
    { country: "country 150" },
    { country: "country 200" },
  ],
  unique: [{ type: "array", items: { enum: ["a", "b", "c"] }, uniqueItems: true }, ["c", "a"], ["a", "a"]],
  tree: [
    {
      $ref: "#/$defs/node",
      $defs: {
        node: {
          type: "object",
          properties: { value: { type: "integer" }, children: { type: "array", items: { $ref: "#/$defs/node" } } },
          required: ["value", "children"],
          additionalProperties: false,
        },
      },
    },
    { value: 1, children: [{ value: 2, children: [] }] },
    { value: 1, children: [{ value: 2 }] },
  ],
  dates: [
    closed({ on: { type: "string", format: "date" }, at: { type: "string", format: "date-time" } }),
    { on: "2024-02-29", at: "2024-02-29T10:11:12Z" },
    { on: "2023-02-29", at: "2024-02-29T10:11:12Z" },
  ],
  open: [
    { type: "object", properties: { a: text }, required: ["a"], additionalProperties: { type: "integer" } },
    { a: "x", b: 1, c: 2 },
    { a: "x", b: "y" },
  ],
  pattern: [
    closed({ email: { type: "string", format: "email" }, code: { type: "string", pattern: "^[A-Z]{2}-[0-9]{4}$" } }),
    { email: "ada@example.com", code: "AB-1234" },
    { email: "ada@example.com", code: "A-1234" },
  ],
  any: [{ type: "object" }, { a: [1, "two", null, { b: true }] }, [1]],
};
const ROUNDS = 20;

const at = (times, share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
const summary = (times) => {
  times.sort((a, b) => a - b);
  return `p50 ${at(times, 0.5).toFixed(3)}  p99 ${at(times, 0.99).toFixed(3)}  largest ${(times.at(-1) ?? Number.NaN).toFixed(3)} ms (${times.length})`;
};
const timed = async (times, work) => {
  const begun = performance.now();
  const result = await work();
  times.push(performance.now() - begun);
  return result;
};

let begun = performance.now();
const { inside, first } = tokenBytes(tokenizer);
const vocabulary = new Vocabulary(inside, first);
console.log(`vocabulary of ${vocabulary.size} tokens: ${(performance.now() - begun).toFixed(0)} ms`);
const idsOf = (document) => tokenizer.encode(JSON.stringify(document), { addSpecialTokens: false }).ids;

const compile = (schema) => compileGrammar({ option: "schema", text: JSON.stringify(schema), ignoresCase: false });
begun = performance.now();
await compile({});
console.log(`worker that compiles, started: ${(performance.now() - begun).toFixed(0)} ms`);

const own = { first: [], again: [], cold: [], masks: [] };
const automata = new Map();
const accepted = [];
for (let round = 0; round < ROUNDS; round++)
  for (const [name, [schema, good, bad]] of Object.entries(cases)) {
    const grammar = await timed(round === 0 ? own.first : own.again, () => compile(schema));
    for (const [document, fits] of [
      [good, true],
      [bad, false],
    ]) {
      if (!automata.has(name)) automata.set(name, new Automaton(grammar)); // as requests with one schema share it
      const automaton = automata.get(name);
      let state = automaton.start;
      for (const [i, id] of idsOf(document).entries()) {
        const mask = await timed(round === 0 ? own.cold : own.masks, () => vocabulary.mask(automaton, state, i === 0));
        if (((mask[id >> 5] >>> (id & 31)) & 1) === 0) state = null;
        for (const unit of inside[id]) state = state && automaton.step(state, unit.charCodeAt(0));
        if (!state) break;
      }
      if (Boolean(state?.isComplete) !== fits)
        accepted.push(`${name} (${fits ? "rejects what fits" : "accepts what does not fit"})`);
    }
  }
console.log(`Lectern       compile, first  ${summary(own.first)}`);
console.log(`Lectern       compile, again  ${summary(own.again)}`);
console.log(`Lectern       mask, first     ${summary(own.cold)}`);
console.log(`Lectern       mask, again     ${summary(own.masks)}`);
console.log(`Lectern       mask, all       ${summary([...own.cold, ...own.masks])}`);
console.log(`Lectern       wrong: ${[...new Set(accepted)].join(", ") || "none"}`);

if (peer) {
  begun = performance.now();
  const tokens = Array.from({ length: vocabulary.size }, (_, id) => tokenizer.token(id) ?? "");
  const end = tokenizer.id("<|endoftext|>") ?? 0;
  const info = await peer.TokenizerInfo.createTokenizerInfo(tokens, "byte_level", false, vocabulary.size, [end]);
  console.log(`web-xgrammar  vocabulary: ${(performance.now() - begun).toFixed(0)} ms`);
  const [compile, masks, wrong] = [[], [], []];
  for (let round = 0; round < 3; round++)
    for (const [name, [schema, good, bad]] of Object.entries(cases)) {
      const compiler = await peer.GrammarCompiler.createGrammarCompiler(info, false);
      const grammar = await timed(compile, () =>
        compiler.compileJSONSchema(JSON.stringify(schema), false, -1, [",", ":"]),
      );
      for (const [document, fits] of [
        [good, true],
        [bad, false],
      ]) {
        const matcher = await peer.GrammarMatcher.createGrammarMatcher(grammar);
        let isAccepted = true;
        for (const id of idsOf(document)) {
          await timed(masks, () => matcher.getNextTokenBitmask());
          isAccepted &&= matcher.acceptToken(id);
          if (!isAccepted) break;
        }
        isAccepted &&= matcher.acceptToken(end);
        if (isAccepted !== fits) wrong.push(`${name} (${fits ? "rejects what fits" : "accepts what does not fit"})`);
        matcher.dispose();
      }
      grammar.dispose();
      compiler.dispose();
    }
  console.log(`web-xgrammar  compile         ${summary(compile)}`);
  console.log(`web-xgrammar  mask            ${summary(masks)}`);
  console.log(`web-xgrammar  wrong: ${[...new Set(wrong)].join(", ") || "none"}`);
}
