import { escaped } from "../../common/index.ts";
import { areShares, type Curve, type ShotCurves } from "./curve.ts";

/** Colours that readers with colour blindness can distinguish (Okabe and Ito, 2008). */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 400, 64, 170, 40, 48];
/** Pixels between the interval bars of two models at one number of examples. */
const APART = 4;

interface Axis {
  readonly ticks: readonly number[];
  /** The place of a value, in pixels. */
  readonly at: (value: number) => number;
}

/** Even steps of 1, 2 or 5 times a power of ten that enclose all values. */
function evenTicks(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const rough = (high - low || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
  return Array.from({ length: last - first + 1 }, (_, i) => Number((step * (first + i)).toPrecision(12)));
}

function axis(ticks: readonly number[], from: number, to: number): Axis {
  const [low, high] = [ticks[0] as number, ticks.at(-1) as number];
  return { ticks, at: (value) => from + ((value - low) / (high - low || 1)) * (to - from) };
}

/** Curves as an SVG figure, with bars for the intervals of 95 %. */
export function curveSvg({ task, metric, n, curves }: ShotCurves): string {
  const points = curves.flatMap((curve) => curve.points);
  const isShare = areShares(curves);
  const across = axis(
    [...new Set(points.map(({ shots }) => shots))].sort((a, b) => a - b),
    LEFT + 12,
    WIDTH - RIGHT,
  );
  const values = points.flatMap(({ value, interval }) => [value, ...(interval ?? [])]);
  const up = axis(isShare ? [0, 0.2, 0.4, 0.6, 0.8, 1] : evenTicks(values), HEIGHT - BOTTOM, TOP);
  const tick = (value: number): string => (isShare ? `${Math.round(100 * value)} %` : String(value));
  const title = `${task}: ${metric} by the number of examples, ${n} items, intervals of 95 %`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#374151" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${LEFT}" y="22" font-size="14">${escaped(title)}</text>`,
    ...up.ticks.map((value) => {
      const y = pixel(up.at(value));
      return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" stroke="#e5e7eb"/><text x="${LEFT - 6}" y="${y}" text-anchor="end" dominant-baseline="middle">${tick(value)}</text>`;
    }),
    ...across.ticks.map(
      (shots) =>
        `<text x="${pixel(across.at(shots))}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${shots}</text>`,
    ),
    ...curves.map((curve, i) => drawn(curve, { across, up, index: i, count: curves.length })),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">examples in the prompt</text>`,
    "</svg>",
    "",
  ].join("\n");
}

const pixel = (value: number): string => value.toFixed(1);

function drawn(
  { name, points }: Curve,
  { across, up, index, count }: { across: Axis; up: Axis; index: number; count: number },
): string {
  const colour = COLOURS[index % COLOURS.length] as string;
  const x = (shots: number): string => pixel(across.at(shots) + APART * (index - (count - 1) / 2));
  const legend = TOP + 20 * index + 8;
  const line = points.map(({ shots, value }) => `${x(shots)},${pixel(up.at(value))}`).join(" ");
  return [
    `<polyline points="${line}" stroke="${colour}" fill="none" stroke-width="2"/>`,
    ...points.map(
      ({ shots, value }) => `<circle cx="${x(shots)}" cy="${pixel(up.at(value))}" r="3" fill="${colour}"/>`,
    ),
    ...points.flatMap(({ shots, interval }) =>
      interval
        ? [
            `<line x1="${x(shots)}" x2="${x(shots)}" y1="${pixel(up.at(interval[1]))}" y2="${pixel(up.at(interval[0]))}" stroke="${colour}"/>`,
          ]
        : [],
    ),
    `<line x1="${WIDTH - RIGHT + 12}" x2="${WIDTH - RIGHT + 36}" y1="${legend}" y2="${legend}" stroke="${colour}" stroke-width="2"/>`,
    `<text x="${WIDTH - RIGHT + 42}" y="${legend}" dominant-baseline="middle">${escaped(name)}</text>`,
  ].join("");
}
