import { existsSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { type ArchitectureOf, families, readConfig } from "../../src/families/index.ts";
import { openFiles } from "../../src/files/index.ts";
import { openSafetensors } from "../../src/formats/index.ts";
import { DecodeEngine } from "../../src/inference/decode-engine.ts";
import { cachedDecoder, cachedEncoderDecoder } from "../../src/inference/decode-graph.ts";
import { ForwardPass, namedTensors } from "../../src/inference/forward.ts";
import { openModelFiles } from "../../src/inference/model-files.ts";
import { ScoringDecoder } from "../../src/inference/scoring-decoder.ts";
import { type HostTensor, toFloat32 } from "../../src/tensor/index.ts";
import {
  decoders,
  encoderDecoders,
  encoders,
  fixture,
  inFewBits,
  maskQueries,
  maxDifference,
  readJson,
  readTensors,
  rowsOf,
  sharedPath,
} from "../helpers/fixtures.ts";
import { ggufFamilies, readAsGguf } from "../helpers/gguf-families.ts";

/** Reference: transformers 5.23.0, torch 2.15.0, computed in float64. */
const TOLERANCE = 1e-4;
const GRADIENT_TOLERANCE = 1e-3;

interface Row {
  readonly family: string;
  readonly differences: Map<string, number>;
}

const table = new Map<string, Row>();

/** Notes the largest difference seen. */
function note(model: string, family: string, what: string, difference: number): void {
  const row = table.get(model) ?? { family, differences: new Map() };
  table.set(model, row);
  row.differences.set(what, Math.max(row.differences.get(what) ?? 0, difference));
}

function largest({ data }: HostTensor<"float32">): number {
  return data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}

/** The exponent of the least difference that is printed: what a processor's kernels decide is below it. */
const LEAST: Readonly<Record<string, number>> = { forward: -4, attentions: -4, gradients: -4, cached: -5, batched: -5 };

/** Differences rounded up to a power of ten, so that the table says the same on every machine. */
function bound(column: string, difference: number | undefined): string {
  if (difference === undefined) return "–";
  return `< 1e${Math.max(LEAST[column] as number, Math.floor(Math.log10(difference)) + 1)}`;
}

describe.each([...decoders, ...encoders, ...encoderDecoders, "bart_mnli"])("%s", async (name) => {
  const directory = fixture(`models/${name}`);
  const { architecture, weights } = await openModelFiles(await openFiles(directory));
  const expected = await readTensors(directory, "expected.safetensors");
  const rows = (key: string): number[][] => rowsOf(expected[key] as HostTensor);
  const list = (key: string): number[] => Array.from(expected[key]?.data ?? [], Number);
  const mask = rows("attention_mask");
  const forward = new ForwardPass(architecture, weights);
  const inputs = {
    inputIds: rows("input_ids"),
    attentionMask: mask,
    ...(expected.token_type_ids && { tokenTypeIds: rows("token_type_ids") }),
    ...(expected.decoder_input_ids && { decoderInputIds: rows("decoder_input_ids") }),
    ...(expected.labels && { labels: expected.labels.shape.length === 1 ? list("labels") : rows("labels") }),
    ...(expected["span.loss"] && {
      startPositions: list("span.start_positions"),
      endPositions: list("span.end_positions"),
    }),
  };

  test("has the reference's logits, hidden states and attentions within 1e-4", async () => {
    const results = namedTensors(await forward.run(inputs, { hiddenStates: true, attentions: true }));
    const recorded = Object.keys(expected).filter((key) =>
      /^((start_|end_)?logits|encoder_last_hidden_state|((encoder|decoder)_)?hidden_states\.\d+|((encoder|decoder|cross)_)?attentions\.\d+|loss)$/.test(
        key,
      ),
    );
    const wanted = expected["span.loss"] ? [...recorded, "loss"] : recorded;
    expect(
      Object.keys(results)
        .filter((key) => wanted.includes(key) || key !== "loss")
        .sort(),
    ).toEqual(wanted.sort());
    for (const key of wanted) {
      const tensor = results[key] as HostTensor;
      const reference = (expected[key] ?? expected[`span.${key}`]) as HostTensor;
      const isMasked = !/^(decoder|cross)_/.test(key) && !(expected.encoder_last_hidden_state && key === "logits");
      const isByToken = isMasked && tensor.shape.length > 1 && tensor.shape[1] === mask[0]?.length;
      const axis = /^(encoder_)?attentions/.test(key) ? 2 : isByToken ? 1 : undefined;
      const compared = axis === undefined ? tensor : maskQueries(tensor, mask, axis);
      const difference = maxDifference(compared, reference);
      note(name, architecture.family.name, /attentions/.test(key) ? "attentions" : "forward", difference);
      expect(difference, key).toBeLessThan(TOLERANCE);
    }
  });

  // The frequencies follow from the longest row of a pass, so a row's results depend on what else is computed with it;
  // and the reference keeps those of the longest row it has seen.
  const isStateful = name === "llama_dynamic_ntk";
  test.skipIf(isStateful)("has the reference's results for a row alone", async () => {
    const single = (key: string): number[][] => rows(`single.${key}`);
    const alone = {
      inputIds: single("input_ids"),
      ...(expected["single.decoder_input_ids"] && { decoderInputIds: single("decoder_input_ids") }),
      ...(expected["single.token_type_ids"] && { tokenTypeIds: single("token_type_ids") }),
    };
    const results = namedTensors(await forward.run(alone, {}));
    for (const [key, tensor] of Object.entries(results))
      expect(maxDifference(tensor, expected[`single.${key}`] as HostTensor), key).toBeLessThan(TOLERANCE);
  });

  test.skipIf(isStateful)("computes a row in a batch with padding as alone", async () => {
    const [long] = rows("input_ids").map((row, i) => row.filter((_, t) => mask[i]?.[t] === 1)) as [number[]];
    const half = Math.ceil(long.length / 2);
    const short = name === "bart_mnli" ? [...long.slice(0, half - 1), long.at(-1) as number] : long.slice(0, half); // with its end token
    const padding = Array.from({ length: long.length - short.length }, () => 0);
    const decoder = expected.decoder_input_ids && { decoderInputIds: [rows("decoder_input_ids")[0] as number[]] };
    const alone = namedTensors(await forward.run({ inputIds: [short], ...decoder }, {}));
    const sides = architecture.kind === "decoder" ? ["left", "right"] : ["right"];
    for (const side of sides) {
      const fill = <T>(row: readonly T[], value: T): T[] =>
        side === "left" ? [...padding.map(() => value), ...row] : [...row, ...padding.map(() => value)];
      const batch = {
        inputIds: [long, fill(short, 0)],
        attentionMask: [
          long.map(() => 1),
          fill(
            short.map(() => 1),
            0,
          ),
        ],
        ...(decoder && { decoderInputIds: [...decoder.decoderInputIds, ...decoder.decoderInputIds] }),
      };
      const results = namedTensors(await forward.run(batch, {}));
      for (const [key, own] of Object.entries(alone)) {
        const both = results[key] as HostTensor<"float32">;
        const size = both.data.length / 2;
        const isByToken = own.shape[1] === short.length && both.shape[1] === long.length;
        const inner = isByToken ? size / long.length : 0;
        const from = size + (side === "left" ? padding.length * inner : 0);
        const row = { ...own, data: both.data.slice(from, from + own.data.length) };
        const difference = maxDifference(row, own);
        note(name, architecture.family.name, "batched", difference);
        expect(difference, `${key}, padded ${side}`).toBeLessThan(
          1e-5 * Math.max(1, largest(own as HostTensor<"float32">)),
        );
      }
    }
  });

  test.runIf(!isStateful && [...decoders, ...encoderDecoders].includes(name))(
    "decodes over a cache as in one pass",
    async () => {
      const engine = await DecodeEngine.create(
        architecture.kind === "decoder"
          ? cachedDecoder(architecture)
          : cachedEncoderDecoder(architecture as ArchitectureOf<"encoder-decoder">),
        weights,
        { prepack: false },
        { showsAll: true },
      );
      const [read] = rows(expected["single.input_ids"] ? "single.input_ids" : "input_ids") as [number[]];
      const isSplit = architecture.kind === "encoder-decoder";
      const { padTokenId } = architecture.config as { padTokenId?: number };
      const row = isSplit ? (rows("single.decoder_input_ids")[0] as number[]).filter((id) => id !== padTokenId) : read;
      const decoder = new ScoringDecoder(engine, isSplit ? await engine.encode([read]) : []);
      const whole = await forward.run({ inputIds: [read], ...(isSplit && { decoderInputIds: [row] }) }, {});
      const logits = whole.logits as HostTensor<"float32">;
      const first = Math.floor(row.length / 2);
      const parts = [row.slice(0, first), ...row.slice(first).map((id) => [id])].filter((part) => part.length > 0);
      const scores: number[] = [];
      for (const part of parts) for (const own of (await decoder.extend([part]))[0]?.scores ?? []) scores.push(...own);
      const difference = maxDifference({ ...logits, data: Float32Array.from(scores) }, logits);
      note(name, architecture.family.name, "cached", difference);
      expect(difference).toBeLessThan(1e-5 * Math.max(1, largest(logits)));
      await engine.dispose();
    },
  );

  test.runIf(Object.keys(expected).some((key) => key.startsWith("grad.")))(
    "has the reference's gradients within 1e-3",
    async () => {
      const { gradients } = await forward.run(inputs, { gradients: true });
      const recorded = Object.keys(expected).filter((key) => key.startsWith("grad."));
      expect(Object.keys(gradients ?? {}).sort()).toEqual(recorded.map((key) => key.slice(5)).sort());
      for (const key of recorded) {
        const reference = expected[key] as (typeof expected)[string];
        const largest = toFloat32("float32", reference.data as Float32Array).reduce(
          (most, x) => Math.max(most, Math.abs(x)),
          1e-3,
        );
        const difference = maxDifference(gradients?.[key.slice(5)] as never, reference) / largest;
        note(name, architecture.family.name, "gradients", difference);
        expect(difference, key).toBeLessThan(GRADIENT_TOLERANCE);
      }
    },
  );
});

const miniLm = sharedPath("data/models/all-MiniLM-L6-v2");

test.skipIf(!miniLm)(
  "all-MiniLM-L6-v2 has the reference's last hidden states within 1e-5 and attentions within 1e-4 (skipped where ../shared/data is absent)",
  async () => {
    const directory = miniLm as string;
    const { architecture, weights } = await openModelFiles(await openFiles(directory));
    const forward = new ForwardPass(architecture, weights);
    const expected = await readTensors(directory, "expected.safetensors");
    const { sentences } = await readJson<{ sentences: { input_ids: number[] }[] }>(`${directory}/expected.json`);
    for (const [i, { input_ids }] of sentences.entries()) {
      const { lastHiddenState, attentions } = await forward.run({ inputIds: [input_ids] }, { attentions: true });
      const reference = expected[`${i}.last_hidden_state`] as HostTensor;
      expect(maxDifference(lastHiddenState as HostTensor, reference), `${i}`).toBeLessThan(1e-5);
      for (const [layer, tensor] of attentions?.entries() ?? []) {
        const recorded = expected[`${i}.attentions.${layer}`];
        if (recorded) expect(maxDifference(tensor, recorded), `${i}, layer ${layer}`).toBeLessThan(1e-4);
      }
    }
  },
);

/** Directories that other tests check: in few bits, and against a GGUF of the same weights. */
const [fewBits, asGguf] = [
  new Set(Object.values(inFewBits).flatMap((paths) => paths.map((path) => basename(path)))),
  new Set([...Object.keys(ggufFamilies), ...readAsGguf]),
];

/** The comparisons with transformers that are recorded for a directory; those of `models` are what this run measured. */
async function comparedIn(folder: string, name: string): Promise<ReadonlySet<string>> {
  const measured = table.get(name)?.differences.keys();
  if (folder === "models") return new Set(measured ?? []);
  const path = fixture(`${folder}/${name}`);
  const { exp } = await readJson<{ exp: { greedy?: unknown } }>(`${path}/expected.json`);
  const checkpoint = await openSafetensors(await openFiles(path), "expected.safetensors");
  const isPadded = checkpoint.names().some((key) => /^(left|right)\.mask$/.test(key));
  return new Set([
    "forward",
    ...(exp.greedy === undefined ? [] : ["cached"]),
    ...(isPadded ? ["batched"] : []),
    ...(existsSync(`${path}/gradients.safetensors`) ? ["gradients"] : []),
  ]);
}

interface FamilyRow {
  readonly names: Set<string>;
  readonly kinds: Set<string>;
  readonly cases: string[];
  readonly compared: Set<string>;
}

/** A row for each type of model, by the directories that check it; every registered family has one. */
async function familyRows(): Promise<string[]> {
  const found = new Map<string, FamilyRow>();
  for (const folder of ["models", "cases"])
    for (const name of readdirSync(fixture(folder)).sort()) {
      const json = await readJson<Record<string, unknown>>(fixture(`${folder}/${name}/config.json`));
      const { kind, family } = readConfig(json);
      const type = String(json.model_type);
      const row = found.get(type) ?? { names: new Set(), kinds: new Set(), cases: [], compared: new Set() };
      found.set(type, row);
      row.names.add(family.name);
      row.kinds.add(kind);
      row.cases.push(name);
      for (const what of await comparedIn(folder, name)) row.compared.add(what);
    }
  const isRecurrent = (type: string): boolean => ["char_rnn", "gru_seq2seq"].includes(type);
  expect(Object.keys(families).filter((type) => !found.has(type) && !isRecurrent(type))).toEqual([]);
  const cell = (is: boolean): string => (is ? "yes" : "–");
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, { names, kinds, cases, compared }]) => {
      const lists = [names, kinds, cases].map((all) => [...all].join(", "));
      const hasCache = [...kinds].some((kind) => kind !== "encoder");
      const results = ["forward", "cached", "batched", "gradients"].map((what) =>
        what === "cached" && !hasCache ? "none" : cell(compared.has(what)),
      );
      const checked = [fewBits, fewBits, asGguf].map((set) => cell(cases.some((name) => set.has(name))));
      return `| ${[type, ...lists.slice(0, 2), ...results, ...checked, ...lists.slice(2)].join(" | ")} |`;
    });
}

test("docs/models.md says what this run measured", async () => {
  const columns = ["forward", "attentions", "gradients", "cached", "batched"];
  const rows = [...table].map(
    ([model, { family, differences }]) =>
      `| ${[family, model, ...columns.map((column) => bound(column, differences.get(column)))].join(" | ")} |`,
  );
  const text = [
    "# Models",
    "",
    "The largest difference from transformers 5.23.0 (computed in float64) for a tiny model of each family. `forward`: logits,",
    "loss and hidden states. `gradients`: relative to the largest entry of each tensor, where the reference recorded them.",
    "`cached`: decoding token by token over the cache against one pass. `batched`: a row in a padded batch against the row",
    "alone. Greedy, sampled and beam tokens are equal for all models that generate. Written by `test/parity`.",
    "",
    "| family | model | forward | attentions | gradients | cached | batched |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
    "## Every family",
    "",
    "The tiny directories that check each `model_type` against transformers, `rwkv7` against its authors' package (rwkv 0.8.32) and the same",
    "computed in plain torch. They lie under `test/parity/fixtures`; `test/families` and `test/decoder-cases` write them. `forward`: logits",
    "or states within 1e-4. `cached`: greedy tokens over the cache are the reference's, or decoding token by token gives what one pass",
    "gives; encoders have no cache. `batched`: the same for padded rows. `gradients`: within 1e-3 of the reference's. `int8`, `int4`: a",
    "wider model of the type with random weights computes what a plain float32 reference of the same rounding does: results, routing, and all",
    "that products in few bits read and yield, within 1e-4 of the largest value; a row of a batch is the row alone; of a few,",
    "decoding agrees with whole passes, too. `GGUF`: a file of the same weights, written and read again or as llama.cpp's converter",
    "writes it, gives the same results. A dash says that no test compares them, not that it fails.",
    "",
    "| model_type | family | kind | forward | cached | batched | gradients | int8 | int4 | GGUF | checked by |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...(await familyRows()),
    "",
  ].join("\n");
  await expect(text).toMatchFileSnapshot("../../docs/models.md");
});
