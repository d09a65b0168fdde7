/** A line plot as SVG, both axes logarithmic or not. */
const COLOURS = { transformer: "#1d4ed8", gru: "#c2410c", lstm: "#15803d", elman: "#7e22ce" };
const OTHERS = Object.values(COLOURS);
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 400, 64, 150, 36, 48];

const round = (x) => (x >= 1000 ? Math.round(x) : Number(x.toPrecision(3)));

/** Places of ticks: powers of two, powers of ten, or even steps of 1, 2 or 5 times a power of ten, from 0 where asked. */
function ticksOf(values, { scale, zero }) {
  const [low, high] = [zero ? 0 : Math.min(...values), Math.max(...values)];
  if (scale === "linear") {
    const rough = (high - low || 1) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
    const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
    return Array.from({ length: last - first + 1 }, (_, i) => step * (first + i));
  }
  const base = scale === "log2" ? 2 : 10;
  const [first, last] = [
    Math.floor(Math.log(low) / Math.log(base) + 1e-9),
    Math.ceil(Math.log(high) / Math.log(base) - 1e-9),
  ];
  return Array.from({ length: last - first + 1 }, (_, i) => base ** (first + i));
}

/**
 * @param series `{ name, points: [x, y][], bars?: [x, low, high][], model?, dashed? }`; colours follow the model, else
 * the order; undefined without any point
 */
export function linePlot({ title, x, y, series }) {
  const all = series.flatMap(({ points, bars = [] }) => [
    ...points,
    ...bars.flatMap(([at, low, high]) => [
      [at, low],
      [at, high],
    ]),
  ]);
  if (all.length === 0) return undefined;
  const [xTicks, yTicks] = [
    ticksOf(
      all.map(([at]) => at),
      x,
    ),
    ticksOf(
      all.map(([, at]) => at),
      y,
    ),
  ];
  const place = (ticks, scale) => {
    const of = scale === "linear" ? (value) => value : Math.log;
    const [low, high] = [of(ticks[0]), of(ticks.at(-1))];
    return (value) => (of(value) - low) / (high - low || 1);
  };
  const [across, up] = [place(xTicks, x.scale), place(yTicks, y.scale)];
  const column = (value) => (LEFT + across(value) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const row = (value) => (HEIGHT - BOTTOM - up(value) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const lines = series.map(({ name, points, bars = [], model = name, dashed }, i) => {
    const colour = COLOURS[model] ?? OTHERS[i % OTHERS.length];
    const style = `stroke="${colour}" fill="none" stroke-width="2"${dashed ? ' stroke-dasharray="6 4"' : ""}`;
    const legend = TOP + 20 * i + 8;
    return [
      `<polyline points="${points.map(([a, b]) => `${column(a)},${row(b)}`).join(" ")}" ${style}/>`,
      ...bars.map(([at, low, high]) => {
        const [x, top, bottom] = [column(at), row(high), row(low)];
        return `<line x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" stroke="${colour}"/>`;
      }),
      `<line x1="${WIDTH - RIGHT + 12}" x2="${WIDTH - RIGHT + 36}" y1="${legend}" y2="${legend}" ${style}/>`,
      `<text x="${WIDTH - RIGHT + 42}" y="${legend}" dominant-baseline="middle">${name}</text>`,
    ].join("");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#374151">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${LEFT}" y="20" font-size="14">${title}</text>`,
    ...yTicks.map(
      (tick) =>
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${row(tick)}" y2="${row(tick)}" stroke="#e5e7eb"/><text x="${LEFT - 6}" y="${row(tick)}" text-anchor="end" dominant-baseline="middle">${round(tick)}</text>`,
    ),
    ...xTicks.map(
      (tick) => `<text x="${column(tick)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${round(tick)}</text>`,
    ),
    ...lines,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${x.label}</text>`,
    `<text transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${y.label}</text>`,
    "</svg>",
    "",
  ].join("\n");
}
