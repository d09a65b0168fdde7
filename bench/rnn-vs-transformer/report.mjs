/** Writes the tables and plots of docs/rnn-vs-transformer.md from what was measured. */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { LEARNED_WINDOW, LONGEST, mean, median, names, SEEDS, STEP_TOKENS, WINDOWS } from "./models.mjs";
import { linePlot } from "./plot.mjs";
import { tests } from "./recall-rows.mjs";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
const titles = { transformer: "transformer", gru: "GRU", lstm: "LSTM", elman: "Elman" };
const shipped = { stories: "transformer", "stories-gru": "gru" };
/** Alternative texts of the plots, by section. */
const plotTexts = {
  recall: "recall by distance",
  learning: "loss by tokens read in training",
  positions: "loss by position",
  shipped: "loss by position of the shipped models",
  influence: "influence by distance",
  training: "training cost by window",
  decoding: "decoding cost by context",
};
/** Positions are told by how many tokens were read before: 1, 2, 3–4, 5–8 … 257–512. */
const BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((to, i, all) => ({ from: all[i - 1] ?? 0, to }));
const buckets = (losses) => BUCKETS.map(({ from, to }) => mean(losses.slice(from, to)));
const label = ({ from, to }) => (to - from === 1 ? `${to}` : `${from + 1}–${to}`);

export async function writeReport(out, rounds) {
  const read = async (key) => {
    const path = `${out}/${key}.json`;
    return existsSync(path) ? JSON.parse(await readFile(path, "utf8")) : undefined;
  };
  const sections = {
    "recall-rates": await rates(read, "recall-rates"),
    recall: await memory(read, "recall"),
    "pairs-rates": await rates(read, "pairs-rates"),
    pairs: await memory(read, "pairs"),
    rates: await rates(read, "rates"),
    learning: await learning(read),
    positions: await positions(read),
    shipped: await shippedPair(read),
    training: await training(read, rounds),
    decoding: await decoding(read),
    influence: await influence(read),
  };
  const path = `${docs}rnn-vs-transformer.md`;
  let text = await readFile(path, "utf8");
  for (const [name, { table, plot }] of Object.entries(sections).filter(([, section]) => section)) {
    const parts = [table, ...(plot ? [`![${plotTexts[name]}](rnn-vs-transformer/${name}.svg)`] : [])];
    text = text.replace(
      new RegExp(`(<!-- ${name} -->\n).*?(<!-- end -->)`, "s"),
      (_, before, after) => `${before}\n${parts.join("\n\n")}\n\n${after}`,
    );
  }
  await writeFile(path, text);
  await mkdir(`${docs}rnn-vs-transformer`, { recursive: true });
  if (sections.recall) await writeFile(`${docs}rnn-vs-transformer/recall.json`, sections.recall.figure);
  for (const [name, { plot }] of Object.entries(sections).filter(([, section]) => section))
    if (plot) await writeFile(`${docs}rnn-vs-transformer/${name}.svg`, plot);
}

/** Markdown, columns as wide as they need to be. */
function tableOf(head, rows) {
  const cells = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, i) => Math.max(3, ...cells.map((row) => row[i].length)));
  const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [
    line(cells[0]),
    `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`,
    ...cells.slice(1).map(line),
  ].join("\n");
}

const shown = (value, digits) => (value === undefined ? "not run" : value.toFixed(digits));

/** The loss at each rate that a search tried; undefined where none was. */
async function rates(read, part) {
  const searches = await Promise.all(names.map(async (name) => [name, await read(`${part}-${name}`)]));
  const found = searches.filter(([, tried]) => tried);
  if (found.length === 0) return undefined;
  const all = [...new Set(found.flatMap(([, tried]) => tried.map(({ rate }) => rate)))].sort((a, b) => a - b);
  const cell = (tried, rate) => {
    const at = tried.find((one) => one.rate === rate);
    return at === undefined ? "" : at.loss === null ? "diverged" : at.loss.toFixed(3);
  };
  const rows = found.map(([name, tried]) => [titles[name], ...all.map((rate) => cell(tried, rate))]);
  return { table: tableOf(["rate", ...all], rows) };
}

const percent = (x) => `${Math.round(100 * x)}`;

/** Mean and range of the seeds, such as "93 (88–97)". */
function spread(values, show) {
  if (values.length === 0) return "not run";
  const [low, high] = [Math.min(...values), Math.max(...values)].map(show);
  return low === high ? show(mean(values)) : `${show(mean(values))} (${low}–${high})`;
}

/** The results of the seeds that were run. */
async function seedsOf(read, key) {
  const all = await Promise.all(SEEDS.map((seed) => read(`${key}-${seed}`)));
  return all.filter((run) => run !== undefined);
}

/** The points of the seeds' means and the bars of their ranges. */
const pointsOf = (xs, runs, measureOf) => ({
  points: xs.map((x, i) => [x, mean(runs.map((run) => measureOf(run, i)))]),
  bars: xs.map((x, i) => {
    const values = runs.map((run) => measureOf(run, i));
    return [x, Math.min(...values), Math.max(...values)];
  }),
});

const memoryTitles = {
  recall: "Recall of a value behind noise; trained on up to 64 tokens of it",
  pairs: "Recall of a value behind other keys and values",
};

async function memory(read, test) {
  const { distances } = tests[test];
  const found = [];
  for (const name of names) found.push({ name, runs: await seedsOf(read, `${test}-${name}`) });
  const measured = found.filter(({ runs }) => runs.length > 0);
  if (measured.length === 0) return undefined;
  const rows = distances.map((distance, i) => [
    distance,
    ...measured.map(({ runs }) =>
      spread(
        runs.map(({ accuracy }) => accuracy[i]),
        percent,
      ),
    ),
  ]);
  const plot = linePlot({
    title: memoryTitles[test],
    x: { label: test === "recall" ? "tokens of noise + 1" : "other pairs + 1", scale: "log2" },
    y: { label: "right, %", scale: "linear", zero: true },
    series: measured.map(({ name, runs }) => ({
      name: titles[name],
      model: name,
      ...pointsOf(
        distances.map((distance) => distance + 1),
        runs,
        ({ accuracy }, i) => 100 * accuracy[i],
      ),
    })),
  });
  return {
    table: tableOf([test === "recall" ? "noise" : "other pairs", ...measured.map(({ name }) => titles[name])], rows),
    plot,
    figure: figureOf(tests[test], measured),
  };
}

/** The means of the seeds, rounded, for the studio's first lesson. */
function figureOf({ distances, most }, measured) {
  const rightOf = (runs) =>
    distances.map((_, i) => Math.round(1000 * mean(runs.map(({ accuracy }) => accuracy[i]))) / 10);
  const models = measured.map(({ name, runs }) => ({ name: titles[name], right: rightOf(runs) }));
  const figure = { distances: distances.map((distance) => distance + 1), trainedUpTo: most, models };
  return `${JSON.stringify(figure, null, 2)}\n`;
}

/** The runs of all seeds of the models that have learned. */
async function learned(read) {
  const found = [];
  for (const name of names) found.push({ name, runs: await seedsOf(read, `learn-${name}`) });
  return found.filter(({ runs }) => runs.length > 0);
}

const threeDigits = (x) => x.toFixed(3);

/** Millions of tokens after which the training loss is told; it is the mean of a twentieth of them. */
const MILLIONS = [0.25, 0.5, 1, 2, 5, 10];

/** The training loss at the end of so many millions of tokens. */
function lossAfter({ training }, millions) {
  const end = Math.min(training.length, Math.round((millions * 1e6) / STEP_TOKENS));
  return mean(training.slice(end - Math.ceil(end / 20), end));
}

/** The training loss as tokens are read, then the held-out loss in the window that was learned and beyond it. */
async function learning(read) {
  const found = await learned(read);
  if (found.length === 0) return undefined;
  const row = (title, measure) => [title, ...found.map(({ runs }) => spread(runs.map(measure), threeDigits))];
  const heldOut = (length) => (run) => mean(run.losses.slice(0, length));
  const rows = [
    ...MILLIONS.map((millions) => row(`training, after ${millions} M`, (run) => lossAfter(run, millions))),
    row(`held out, windows of ${LEARNED_WINDOW}`, heldOut(LEARNED_WINDOW)),
    row(`held out, windows of ${LONGEST}`, heldOut(LONGEST)),
  ];
  const plot = linePlot({
    title: "Training loss, 0.33 M parameters (mean and range of the seeds)",
    x: { label: "tokens read, millions", scale: "log2" },
    y: { label: "nats a token", scale: "linear" },
    series: found.map(({ name, runs }) => ({
      name: titles[name],
      model: name,
      ...pointsOf(MILLIONS, runs, (run, i) => lossAfter(run, MILLIONS[i])),
    })),
  });
  return { table: tableOf(["tokens", ...found.map(({ name }) => titles[name])], rows), plot };
}

async function positions(read) {
  const runs = (await learned(read)).map(({ name, runs }) => ({
    name,
    seeds: runs.map(({ losses }) => buckets(losses)),
  }));
  if (runs.length === 0) return undefined;
  const rows = BUCKETS.map((bucket, i) => [
    label(bucket),
    ...runs.map(({ seeds }) =>
      spread(
        seeds.map((losses) => losses[i]),
        threeDigits,
      ),
    ),
  ]);
  const plot = linePlot({
    title: `Held-out loss by position, 0.33 M parameters, trained on windows of ${LEARNED_WINDOW}`,
    x: { label: "tokens read so far", scale: "log2" },
    y: { label: "nats a token", scale: "linear" },
    series: runs.map(({ name, seeds }) => ({
      name: titles[name],
      model: name,
      ...pointsOf(
        BUCKETS.map(({ to }) => to),
        seeds,
        (losses, i) => losses[i],
      ),
    })),
  });
  return { table: tableOf(["tokens read", ...runs.map(({ name }) => titles[name])], rows), plot };
}

async function shippedPair(read) {
  const found = [];
  for (const [name, model] of Object.entries(shipped)) {
    const measured = await read(`shipped-${name}`);
    if (measured) found.push({ name, model, overall: mean(measured.losses), losses: buckets(measured.losses) });
  }
  if (found.length === 0) return undefined;
  const rows = BUCKETS.map((bucket, i) => [label(bucket), ...found.map(({ losses }) => losses[i].toFixed(3))]);
  rows.push(["all 512", ...found.map(({ overall }) => overall.toFixed(3))]);
  const plot = linePlot({
    title: "Held-out loss by position, the shipped models (4.9 M parameters)",
    x: { label: "tokens read so far", scale: "log2" },
    y: { label: "nats a token", scale: "linear" },
    series: found.map(({ name, model, losses }) => ({
      name,
      model,
      points: losses.map((loss, i) => [BUCKETS[i].to, loss]),
    })),
  });
  return { table: tableOf(["tokens read", ...found.map(({ name }) => name)], rows), plot };
}

/** The medians of the rounds. */
async function training(read, rounds) {
  const all = await Promise.all(Array.from({ length: rounds }, (_, i) => read(`train-cost-${i + 1}`)));
  const measured = all.filter((round) => round !== undefined);
  if (measured.length === 0) return undefined;
  const found = (measured[0] ?? []).map(({ name, window }, i) => ({
    name,
    window,
    microsecondsPerToken: median(measured.map((round) => round[i].microsecondsPerToken)),
    megabytes: median(measured.map((round) => round[i].megabytes)),
  }));
  const at = (name, window) => found.find((row) => row.name === name && row.window === window);
  const rows = WINDOWS.flatMap((window) => [
    [window, "µs a token", ...names.map((name) => shown(at(name, window)?.microsecondsPerToken, 0))],
    [window, "peak MB", ...names.map((name) => shown(at(name, window)?.megabytes, 0))],
  ]);
  const plot = linePlot({
    title: "Training: processor time a token",
    x: { label: "window, tokens (2,048 tokens a step)", scale: "log2" },
    y: { label: "µs", scale: "linear", zero: true },
    series: names.map((name) => ({
      name: titles[name],
      model: name,
      points: found.filter((row) => row.name === name).map((row) => [row.window, row.microsecondsPerToken]),
    })),
  });
  return { table: tableOf(["window", "", ...names.map((name) => titles[name])], rows), plot };
}

async function decoding(read) {
  const found = await read("decode-cost");
  if (found === undefined) return undefined;
  const contexts = [...new Set(found.map(({ context }) => context))];
  const at = (name, context) => found.find((row) => row.name === name && row.context === context);
  const rows = contexts.flatMap((context) => [
    [context, "ms a token", ...names.map((name) => at(name, context).millisecondsPerToken.toFixed(2))],
    [context, "remembered, KB", ...names.map((name) => (at(name, context).rememberedBytes / 1024).toFixed(1))],
  ]);
  const plot = linePlot({
    title: "Decoding one token behind a context: processor time",
    x: { label: "context, tokens", scale: "log2" },
    y: { label: "ms", scale: "linear", zero: true },
    series: names.map((name) => ({
      name: titles[name],
      model: name,
      points: found.filter((row) => row.name === name).map((row) => [row.context, row.millisecondsPerToken]),
    })),
  });
  return { table: tableOf(["context", "", ...names.map((name) => titles[name])], rows), plot };
}

async function influence(read) {
  const found = [];
  for (const [name, model] of Object.entries(shipped))
    found.push({ name, model, dashed: false, measured: await read(`influence-shipped-${name}`) });
  for (const name of names)
    found.push({
      name: `${titles[name]} 0.33 M`,
      model: name,
      dashed: true,
      measured: await read(`influence-${name}`),
    });
  const all = found.filter(({ measured }) => measured);
  if (all.length === 0) return undefined;
  const distances = (all[0]?.measured ?? []).map(({ distance }) => distance);
  const rows = distances.map((distance, i) => [
    distance,
    ...all.map(({ measured }) => measured[i].mean.toPrecision(2)),
  ]);
  const plot = linePlot({
    title: "How much another token, so many steps back, changes what comes next",
    x: { label: "steps back", scale: "log2" },
    y: { label: "mean divergence, bits", scale: "log10" },
    series: all.map(({ name, model, dashed, measured }) => ({
      name,
      model,
      dashed,
      points: measured.map(({ distance, mean }) => [distance, Math.max(mean, 1e-9)]),
    })),
  });
  return { table: tableOf(["steps back", ...all.map(({ name }) => name)], rows), plot };
}
