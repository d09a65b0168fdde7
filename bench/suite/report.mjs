/** Rows of results as text, as `docs/performance.md`, and as a chart. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rowsFor } from "./cases.mjs";
import { median } from "./shared.mjs";

/** The samples of a figure of a side, by the variant whose median is best. */
function samplesOf({ cases }, [id, side, figure], higherIsBetter = true) {
  const own = Object.entries(cases[id]?.samples ?? {}).filter(([key]) => key === side || key.startsWith(`${side} ×`));
  const all = own
    .map(([, samples]) => samples.map((metrics) => metrics[figure]))
    .filter((values) => values[0] !== undefined);
  return all.toSorted((a, b) => (higherIsBetter ? -1 : 1) * (median(a) - median(b)))[0];
}

/** The rows that results hold: the figure of medians, and the least and the largest of a round. */
export function rowsOf(results) {
  return rowsFor(results.machine.flags.includes("avx512f")).flatMap((row) => {
    const samples = row.reads.map((read) => samplesOf(results, read));
    const [ours, ...theirs] = samples;
    if (!ours || (row.reads.length > 1 && theirs.every((values) => values === undefined))) return [];
    const medians = samples.map((values) => values && median(values));
    const rounds = ours.map((_, i) => row.value(samples.map((values) => values && (values[i] ?? median(values)))));
    const value = row.value(medians);
    return [{ ...row, value, medians, spread: [Math.min(...rounds), Math.max(...rounds)], rounds: rounds.length }];
  });
}

const shown = (x, unit) => `${x.toFixed(x < 10 ? 2 : 1)}${unit === "×" ? " ×" : ` ${unit}`}`;

const meets = ({ value, higherIsBetter }, bound) => (higherIsBetter ? value >= bound : value <= bound);

/** Where a figure stands: at its goal, above the floor, or below it. */
const standing = (row) =>
  meets(row, row.goal) ? "goal" : meets(row, row.floor) ? "above the floor" : "**below the floor**";

/** One line a row, for a terminal. */
export function rowLines(results) {
  return rowsOf(results).map((row) => {
    const [low, high] = row.spread;
    const name = row.peer ? `${row.title} (${row.peer})` : row.title;
    return `${shown(row.value, row.unit).padStart(9)}  ${name}  [${low.toFixed(2)}–${high.toFixed(2)}, goal ${row.goal}, floor ${row.floor}]`;
  });
}

/** True for a row that compares speeds with a peer's. */
const isRace = ({ unit, peer }) => unit === "×" && peer !== undefined;

function table(rows) {
  const head = ["row", "peer", "figure", "rounds: from – to (number)", "goal", "floor", ""];
  const lines = rows.map((row) => [
    row.title,
    row.peer ?? "–",
    shown(row.value, row.unit),
    `${row.spread[0].toFixed(2)} – ${row.spread[1].toFixed(2)} (${row.rounds})`,
    String(row.goal),
    String(row.floor),
    standing(row),
  ]);
  return [head, ["---", "---", "---:", "---:", "---:", "---:", "---"], ...lines].map(
    (cells) => `| ${cells.join(" | ")} |`,
  );
}

function machineSection(results, name) {
  const { machine, versions, date } = results;
  const rows = rowsOf(results);
  const races = rows.filter(isRace).toSorted((a, b) => b.value - a.value);
  const [faster, slower] = [races.filter(({ value }) => value >= 1), races.filter(({ value }) => value < 1)];
  const others = rows.filter((row) => !isRace(row));
  const list = Object.entries(versions).filter(([, version]) => version);
  const section = (title, own) => (own.length > 0 ? [`### ${title}`, "", ...table(own), ""] : []);
  return [
    `## ${machine.processor}, ${machine.cores} ${machine.cores === 1 ? "core" : "cores"}`,
    "",
    `${machine.platform}, ${machine.memoryGB} GB of memory, ${machine.flags.join(", ") || "no vector instructions known"}. ` +
      `Measured on ${date} with ${list.map(([name, version]) => `${name} ${version}`).join(", ")}.`,
    "",
    `![Speed of Lectern to that of its peers](performance-${name}.svg)`,
    "",
    ...section("Faster than the peer", faster),
    ...section("Slower than the peer", slower),
    ...section("Lectern alone", others),
  ];
}

/** The text of docs/performance.md. @param all results by the name of their file */
export function performancePage(all) {
  return [
    "# Performance",
    "",
    "`npm run bench` writes this page from `bench/results`. Checkpoints have real sizes and random weights; every side reads the same",
    "weights in its own form and the same token ids, and decodes greedily. Sides take turns in processes of their own, each first in some rounds. A",
    "figure is the ratio of medians, with the least and the largest ratio of a round beside it. A peer runs with one thread and with one for each core, and the",
    "better of the two counts. Goals and floors are the aims that the project set itself before it measured. What a step spends its time on:",
    "[Where the time of a step goes](performance-profile.md).",
    "",
    "```sh",
    "npm install --prefix bench --ignore-scripts",
    "npm run bench                                    # all of it: hours",
    "node bench/run.mjs --prepare                     # checkpoints, GGUF and ONNX files alone",
    "node bench/run.mjs --only generate --budget 80   # a piece; again: the next one",
    "```",
    "",
    ...(all.length === 0 ? ["No results yet."] : all.flatMap(([name, results]) => machineSection(results, name))),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** A bar for each row that compares speeds, on a logarithmic scale, with a line at 1. */
export function chart(results) {
  const races = rowsOf(results)
    .filter(isRace)
    .toSorted((a, b) => b.value - a.value);
  const [left, width, step] = [430, 360, 20];
  const height = 40 + step * races.length;
  const most = Math.max(4, ...races.map(({ value }) => value));
  const at = (ratio) => left + (width * Math.log2(Math.max(0.25, ratio) / 0.25)) / Math.log2(most / 0.25);
  const ticks = [0.25, 0.5, 1, 2, 4, 8, 16].filter((tick) => tick <= most);
  const lines = ticks.map(
    (tick) =>
      `<line x1="${at(tick).toFixed(1)}" x2="${at(tick).toFixed(1)}" y1="24" y2="${height - 8}" stroke="${tick === 1 ? "#444" : "#ddd"}"/>` +
      `<text x="${at(tick).toFixed(1)}" y="16" text-anchor="middle">${tick} ×</text>`,
  );
  const bars = races.map(({ title, peer, value }, i) => {
    const [x, end] = [at(1), at(value)].toSorted((a, b) => a - b);
    const y = 30 + step * i;
    return (
      `<text x="${left - 8}" y="${y + 11}" text-anchor="end">${escaped(`${title} (${peer})`)}</text>` +
      `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(1, end - x).toFixed(1)}" height="14" fill="${value >= 1 ? "#2a7" : "#c52"}"/>` +
      `<text x="${(at(Math.max(1, value)) + 4).toFixed(1)}" y="${y + 11}">${value.toFixed(2)}</text>`
    );
  });
  const style =
    '<style>text { font: 11px sans-serif; fill: #333 }</style><rect width="100%" height="100%" fill="#fff"/>';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 60} ${height}">\n${[style, ...lines, ...bars].join("\n")}\n</svg>\n`;
}

/** All results of a folder, by the names of their files. */
export async function readResults(folder) {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(
    names.map(async (name) => [name.replace(/\.json$/, ""), JSON.parse(await readFile(join(folder, name), "utf8"))]),
  );
}

/** Writes the page and a chart for each machine. */
export async function writeReport(folder, docs) {
  const all = await readResults(folder);
  for (const [name, results] of all) await writeFile(join(docs, `performance-${name}.svg`), chart(results));
  await writeFile(join(docs, "performance.md"), performancePage(all));
}
