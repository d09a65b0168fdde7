import { escaped } from "../../common/index.ts";
import type { CandidateRow, Selection } from "../select.ts";

const [WIDTH, HEIGHT] = [720, 400];
const FRAME = { left: 70, right: 30, top: 46, bottom: 56 } as const;
const [LEAST_RADIUS, MOST_RADIUS] = [5, 22];

/** A selection as a picture: latency (logarithmic) × quality with its interval; the area of a circle is the peak memory. */
export function selectionSvg({ rows, metric, n, task }: Selection): string {
  const x = logScale(rows.map(({ latencyMs }) => latencyMs));
  const y = linearScale(rows.flatMap(({ interval }) => interval));
  const most = Math.max(...rows.map(({ memoryMB }) => memoryMB));
  const marks = rows.map((row) => mark(row, { x: x.at(row.latencyMs), y: y.at, most }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${FRAME.left}" y="22" font-size="14">${escaped(`${task}: ${metric} and latency, ${n} items`)}</text>`,
    ...y.ticks.map(
      (tick) =>
        `<line x1="${FRAME.left}" x2="${WIDTH - FRAME.right}" y1="${y.at(tick)}" y2="${y.at(tick)}" stroke="#e3e3e3"/><text x="${FRAME.left - 8}" y="${y.at(tick) + 4}" text-anchor="end">${tick}</text>`,
    ),
    ...x.ticks.map(
      (tick) => `<text x="${x.at(tick)}" y="${HEIGHT - FRAME.bottom + 20}" text-anchor="middle">${tick} ms</text>`,
    ),
    `<text x="${(WIDTH + FRAME.left) / 2}" y="${HEIGHT - 12}" text-anchor="middle">median time of one item; area: peak memory; filled: not told apart from the best</text>`,
    ...marks,
    "</svg>",
    "",
  ].join("\n");
}

function mark(row: CandidateRow, { x, y, most }: { x: number; y: (value: number) => number; most: number }): string {
  const { name, value, interval, memoryMB, isTied } = row;
  const radius = Math.max(LEAST_RADIUS, MOST_RADIUS * Math.sqrt(memoryMB / most));
  const [low, high] = interval;
  const fill = isTied ? "#2f6fb5" : "#fff";
  const right = x > WIDTH - 220;
  const label = right ? `x="${rounded(x - radius - 6)}" text-anchor="end"` : `x="${rounded(x + radius + 6)}"`;
  return [
    `<line x1="${x}" x2="${x}" y1="${y(low)}" y2="${y(high)}" stroke="#2f6fb5"/>`,
    `<circle cx="${x}" cy="${y(value)}" r="${rounded(radius)}" fill="${fill}" fill-opacity="0.75" stroke="#2f6fb5"/>`,
    `<text ${label} y="${rounded(y(value) + 4)}">${escaped(name)}</text>`,
  ].join("");
}

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

const rounded = (value: number): number => Number(value.toFixed(1));

function linearScale(values: readonly number[]): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const step = niceStep((most - least || Math.abs(most) || 1) / 4);
  const [from, to] = [Math.floor(least / step) * step, Math.ceil(most / step) * step || step];
  const span = to - from || step;
  const ticks: number[] = [];
  for (let tick = from; tick <= to + step / 2; tick += step) ticks.push(Number(tick.toPrecision(6)));
  const height = HEIGHT - FRAME.top - FRAME.bottom;
  return { at: (value) => rounded(HEIGHT - FRAME.bottom - ((value - from) / span) * height), ticks };
}

function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) as number);
}

/** Powers of ten and their doubles and fives; a margin keeps circles inside. */
function logScale(values: readonly number[]): Scale {
  const [from, to] = [Math.log10(Math.min(...values) / 1.6), Math.log10(Math.max(...values) * 1.6)];
  const width = WIDTH - FRAME.left - FRAME.right;
  const at = (value: number): number => rounded(FRAME.left + ((Math.log10(value) - from) / (to - from)) * width);
  const ticks: number[] = [];
  for (let power = Math.floor(from); power <= to; power++)
    for (const factor of [1, 2, 5]) {
      const tick = Number((factor * 10 ** power).toPrecision(3));
      if (Math.log10(tick) >= from && Math.log10(tick) <= to) ticks.push(tick);
    }
  return { at, ticks };
}
