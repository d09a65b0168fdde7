import type { CheckResult } from "../check.ts";
import type { GateResult } from "../gates.ts";
import { intervalOf } from "../measure/quality.ts";

const MOST_ROWS = 10;
const WORDS = { pass: "passed", fail: "failed", undecided: "undecided" } as const;
const MARKS = { pass: "✅", fail: "❌", undecided: "❔" } as const;

/** A number as reports print it: of four digits. */
export const figure = (value: number | string | null): string =>
  value === null ? "–" : typeof value === "string" ? value : String(Number(value.toPrecision(4)));

/** An interval as reports print it. */
export const range = (interval: readonly [number, number] | null): string =>
  interval === null ? "–" : `${figure(interval[0])} … ${figure(interval[1])}`;

/** The test items that stand in the training data, in a sentence. */
export function overlapText({ overlap }: Pick<CheckResult, "overlap">): string {
  const rows = overlap.slice(0, MOST_ROWS).map(({ test, train }) => `${test} (training row ${train})`);
  const more = overlap.length > MOST_ROWS ? ` and ${overlap.length - MOST_ROWS} more` : "";
  const noun = overlap.length === 1 ? "test item stands" : "test items stand";
  return `${overlap.length} ${noun} in the training data, so the figures may be too good: rows ${rows.join(", ")}${more}`;
}

/** A check as Markdown, for a comment on a pull request. */
export function checkMarkdown(result: CheckResult): string {
  const { state, goal, choice, baseline, gates, quality, overlap, warnings, measured } = result;
  const notes = [...(overlap.length > 0 ? [overlapText(result)] : []), ...warnings];
  return [
    `## ${MARKS[state]} Project check: ${WORDS[state]}`,
    "",
    `${cell(goal)}`,
    "",
    `- Choice: ${cell(choice)}`,
    `- Baseline: ${baseline === undefined ? "recorded by this check" : cell(baseline)}`,
    `- Items: ${quality.n}`,
    "",
    ...(gates.length > 0 ? gateTable(gates) : ["No gates are set."]),
    "",
    ...metricTable(result),
    ...(notes.length > 0 ? ["", ...notes.map((note) => `> ${cell(note)}`)] : []),
    "",
    measured.length > 0 ? `Measured: ${measured.map(cell).join("; ")}.` : "All evidence was fresh.",
    "",
  ].join("\n");
}

function gateTable(gates: readonly GateResult[]): string[] {
  return [
    "| gate | state | value | baseline | interval of 90 % | |",
    "| --- | --- | ---: | ---: | --- | --- |",
    ...gates.map(
      ({ name, state, value, baseline, interval, reason }) =>
        `| ${cell(name)} | ${MARKS[state]} ${WORDS[state]} | ${figure(value)} | ${figure(baseline)} | ${range(interval)}${baseline !== null && interval ? " (difference)" : ""} | ${cell(reason)} |`,
    ),
  ];
}

function metricTable({ quality, baselineQuality }: CheckResult): string[] {
  return [
    "| metric | value | interval of 95 % | baseline |",
    "| --- | ---: | --- | ---: |",
    ...Object.entries(quality.metrics).map(
      ([name, { value }]) =>
        `| ${cell(name)} | ${figure(value)} | ${range(intervalOf(quality, name))} | ${figure(baselineQuality?.metrics[name]?.value ?? null)} |`,
    ),
  ];
}

/** A text from anywhere as a cell of a table. */
export const cell = (text: string): string => text.replaceAll(/[\\`*_<>|[\]]/g, "\\$&").replaceAll(/\s+/g, " ");
