/**
 * What is measured, and the rows that are made of it. A case is one piece of work that several sides do, each in a
 * process of its own; a row is a figure of one or several cases, with the goal and the floor of the project's plan.
 */

/** Sides are Lectern in a precision, or a peer in a form of the weights; `threads` are added where a peer is given some. */
const lectern = (model, precision) => ({ engine: "lectern", model, precision });
const llama = (model, type) => ({ engine: "node-llama-cpp", model, type });
const js = (model, precision) => ({ engine: "transformers.js", model, precision });
const torch = (model) => ({ engine: "pytorch", model });

const LLAMAS = { "smollm2-135m": "0.1 B", "qwen3-0.6b": "0.6 B", "tinyllama-1.1b": "1.1 B" };
const ENCODERS = { "bert-base": "BERT-base", minilm: "MiniLM" };
const SEQ2SEQ = { "t5-small": "T5-small", marian: "Marian" };

const generation = Object.keys(LLAMAS).map((model) => ({
  id: `generate-${model}`,
  work: { task: "generate", lengths: [128, 512], steps: 32 },
  sides: {
    int4: lectern(model, "int4"),
    int8: lectern(model, "int8"),
    Q4_0: llama(model, "Q4_0"),
    Q8_0: llama(model, "Q8_0"),
  },
}));

const others = [
  {
    id: "concurrent-smollm2-135m",
    work: { task: "concurrent", rows: 16, length: 64, steps: 32, runs: 1 },
    sides: { int4: lectern("smollm2-135m", "int4"), Q4_0: llama("smollm2-135m", "Q4_0") },
  },
  {
    id: "long-context",
    work: { task: "generate", lengths: [128, 2048], steps: 32 },
    sides: { int4: lectern("qwen3-0.6b", "int4") },
  },
  { id: "bandwidth", work: { task: "bandwidth" }, sides: { read: { engine: "lectern" } } },
  {
    id: "event-loop",
    work: { task: "delay", length: 128, steps: 64 },
    sides: { int4: lectern("smollm2-135m", "int4") },
  },
  { id: "overhead", work: { task: "overhead", steps: 64 }, sides: { int4: lectern("smollm2-135m", "int4") } },
  {
    id: "training",
    work: { task: "training" },
    sides: { lectern: { engine: "training" }, pytorch: { engine: "training-peer" } },
  },
];

const PRECISIONS = ["float32", "int8"];

const ofTransformersJs = PRECISIONS.flatMap((precision) => {
  const sides = (model) => ({ lectern: lectern(model, precision), peer: js(model, precision) });
  return [
    {
      id: `gpt2-${precision}`,
      work: { task: "generate", lengths: [128, 512], steps: 32 },
      sides: sides("gpt2-124m"),
    },
    {
      id: `gpt2-batch-${precision}`,
      work: { task: "batch-generate", rows: 32, length: 32, steps: 16, runs: 1 },
      sides: sides("gpt2-124m"),
    },
    ...Object.keys(ENCODERS).map((model) => ({
      id: `${model}-${precision}`,
      work: { task: "encode", runs: model === "minilm" ? 5 : 2 },
      sides: sides(model),
    })),
    {
      id: `t5-small-${precision}`,
      work: { task: "translate", rows: 1, length: 64, steps: 32, beams: 1, runs: 3 },
      sides: sides("t5-small"),
    },
    {
      id: `t5-small-batch-${precision}`,
      work: { task: "translate", rows: 32, length: 64, steps: 16, beams: 1, runs: 1 },
      sides: sides("t5-small"),
    },
  ];
});

const ofPython = Object.keys(SEQ2SEQ).flatMap((model) =>
  [1, 4].map((beams) => ({
    id: `${model}-beams-${beams}`,
    work: { task: "translate", rows: 1, length: 64, steps: 32, beams, runs: 3 },
    sides: { float32: lectern(model, "float32"), int8: lectern(model, "int8"), pytorch: torch(model) },
  })),
);
const marianInt8 = {
  id: "marian-ctranslate2",
  work: { task: "translate", rows: 1, length: 64, steps: 32, beams: 1, runs: 3 },
  sides: { int8: lectern("marian", "int8"), ctranslate2: { engine: "ctranslate2", model: "marian" } },
};

/** Every case, in the order in which they are measured. */
export const cases = [...generation, ...others, ...ofTransformersJs, ...ofPython, marianInt8];

/** The models of `--quick`, small enough for a minute. */
export const QUICK = ["minilm-float32", "event-loop", "overhead"];

/** A figure: Lectern's, and the best of peers'; `unit` "×" is their ratio. */
const ratio = (title, id, own, peers, metric, { goal, floor }) => ({
  title,
  unit: "×",
  goal,
  floor,
  higherIsBetter: true,
  reads: [[id, own, metric], ...peers.map((peer) => [id, peer, metric])],
  value: ([ours, ...theirs]) => ours / Math.max(...theirs.filter((x) => x !== undefined)),
});

const GOALS = {
  avx512: {
    int4: { "1.1 B": [2.2, 1.7], "0.6 B": [2.0, 1.5], "0.1 B": [2.5, 1.8] },
  },
  avx2: {
    int4: { "1.1 B": [1.4, 1.1], "0.6 B": [1.8, 1.3], "0.1 B": [2.5, 1.8] },
  },
  int8: { "1.1 B": [1.8, 1.4], "0.6 B": [2.0, 1.4], "0.1 B": [2.8, 2.0] },
};

const bounds = ([goal, floor]) => ({ goal, floor });

function generationRows(isAvx512) {
  return Object.entries(LLAMAS).flatMap(([model, size]) => {
    const id = `generate-${model}`;
    const int4 = bounds(GOALS[isAvx512 ? "avx512" : "avx2"].int4[size]);
    const prefill = (own) =>
      ratio(
        `prefill of 512 tokens, ${own}, ${size}, to the better of Q4_0 and Q8_0`,
        id,
        own,
        ["Q4_0", "Q8_0"],
        "prefill512",
        {
          goal: 3,
          floor: 1.4,
        },
      );
    return [
      ...[128, 512].map((length) =>
        ratio(`decode int4 to Q4_0, ${size}, at ${length} tokens`, id, "int4", ["Q4_0"], `decode${length}`, int4),
      ),
      ...[128, 512].map((length) =>
        ratio(
          `decode int8 to Q8_0, ${size}, at ${length} tokens`,
          id,
          "int8",
          ["Q8_0"],
          `decode${length}`,
          bounds(GOALS.int8[size]),
        ),
      ),
      prefill("int4"),
      prefill("int8"),
    ].map((row) => ({ ...row, peer: "node-llama-cpp" }));
  });
}

function transformersJsRows() {
  const goals = { goal: 2.5, floor: 1.5 };
  const row = (title, id, metric, own = goals) => ({
    ...ratio(title, id, "lectern", ["peer"], metric, own),
    peer: "Transformers.js",
  });
  return PRECISIONS.flatMap((precision) => [
    row(`GPT-2, ${precision}: prefill of 512 tokens`, `gpt2-${precision}`, "prefill512"),
    row(`GPT-2, ${precision}: decode at 128 tokens`, `gpt2-${precision}`, "decode128"),
    row(`GPT-2, ${precision}: batch of 32`, `gpt2-batch-${precision}`, "tokens"),
    ...Object.entries(ENCODERS).flatMap(([model, name]) => [
      row(`${name}, ${precision}: one text of 128 tokens`, `${model}-${precision}`, "single"),
      row(`${name}, ${precision}: batch of 32`, `${model}-${precision}`, "batch"),
      row(`${name}, ${precision}: batch of 32, mixed lengths`, `${model}-${precision}`, "mixed", { goal: 4, floor: 2 }),
    ]),
    row(`T5-small, ${precision}: first token of a text of 64`, `t5-small-${precision}`, "prefill"),
    row(`T5-small, ${precision}: decode`, `t5-small-${precision}`, "decode"),
    row(`T5-small, ${precision}: batch of 32`, `t5-small-batch-${precision}`, "tokens"),
  ]);
}

function pythonRows() {
  const rows = Object.entries(SEQ2SEQ).flatMap(([model, name]) =>
    [1, 4].map((beams) => ({
      ...ratio(
        `${name}, float32: ${beams === 1 ? "greedy" : "4 beams"}`,
        `${model}-beams-${beams}`,
        "float32",
        ["pytorch"],
        "tokens",
        {
          goal: 2,
          floor: 1.3,
        },
      ),
      peer: "PyTorch",
    })),
  );
  const int8 = ratio("Marian, int8: greedy", "marian-ctranslate2", "int8", ["ctranslate2"], "tokens", {
    goal: 1.3,
    floor: 0.8,
  });
  return [...rows, { ...int8, peer: "CTranslate2 int8" }];
}

/** Bytes that a step of the 1.1 B model reads in int4: for each weight of its layers half a byte and a 64th of a scale. */
const INT4_BYTES = (22 * (2 * 2048 * 2048 + 2 * 256 * 2048 + 3 * 2048 * 5632) + 32000 * 2048) * (0.5 + 4 / 64);

function ownRows(isAvx512) {
  const least = (title, unit, reads, { goal, floor }, value = ([x]) => x) => ({
    title,
    unit,
    goal,
    floor,
    higherIsBetter: false,
    reads,
    value,
  });
  return [
    {
      ...ratio(
        "16 concurrent sequences, int4, 0.1 B, to one context of 16 in Q4_0",
        "concurrent-smollm2-135m",
        "int4",
        ["Q4_0"],
        "tokens",
        {
          goal: 3,
          floor: 2,
        },
      ),
      peer: "node-llama-cpp",
    },
    {
      title: "decode at 2,048 tokens to that at 128, int4, 0.6 B",
      unit: "×",
      goal: 0.6,
      floor: 0.4,
      higherIsBetter: true,
      reads: [
        ["long-context", "int4", "decode2048"],
        ["long-context", "int4", "decode128"],
      ],
      value: ([long, short]) => long / short,
    },
    {
      title: "decode to the memory-bandwidth ceiling, int4, 1.1 B",
      unit: "×",
      goal: 0.85,
      floor: 0.65,
      higherIsBetter: true,
      reads: [
        ["generate-tinyllama-1.1b", "int4", "decode128"],
        ["bandwidth", "read", "gigabytes"],
      ],
      value: ([speed, gigabytes]) => (speed * INT4_BYTES) / (gigabytes * 1e9),
    },
    {
      title: "training step, GPT-2 of 10.6 M, float32",
      unit: "×",
      goal: 1.4,
      floor: isAvx512 ? 1.2 : 1.1,
      higherIsBetter: true,
      peer: "PyTorch",
      reads: [
        ["training", "pytorch", "seconds"],
        ["training", "lectern", "seconds"],
      ],
      value: ([theirs, ours]) => theirs / ours,
    },
    least("time of a step outside the engine, int4, 0.1 B", "%", [["overhead", "int4", "percent"]], {
      goal: 2,
      floor: 4,
    }),
    least("event-loop delay while generating, 99th percentile, int4, 0.1 B", "ms", [["event-loop", "int4", "p99"]], {
      goal: 5,
      floor: 20,
    }),
    ...[
      ["int4", { goal: 0.8, floor: 0.95 }],
      ["int8", { goal: 1.3, floor: 1.5 }],
    ].map(([precision, own]) =>
      least(
        `peak memory of 1.1 B, ${precision}`,
        "GB",
        [["generate-tinyllama-1.1b", precision, "peakMB"]],
        own,
        ([mb]) => mb / 1000,
      ),
    ),
  ];
}

/** Every row, for a processor with AVX-512 or one without. */
export function rowsFor(isAvx512) {
  return [...generationRows(isAvx512), ...transformersJsRows(), ...pythonRows(), ...ownRows(isAvx512)];
}
