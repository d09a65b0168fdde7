export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [640, 240, 52, 30];

/** The classes of the lines and of their legend, in order. */
const KINDS = ["one", "two", "three", "four"] as const;

interface LineChartProps {
  readonly lines: readonly Line[];
  readonly x: string;
  readonly y: string;
  readonly name: string;
  /** True if each doubling along the axis takes the same room. */
  readonly isLog?: boolean;
}

/** One to four lines over the same axis, with a table of their points for who does not see them. */
export function LineChart({ lines, x, y, name, isLog = false }: LineChartProps) {
  const points = lines.flatMap((line) => line.points);
  const [mostX, mostY] = [0, 1].map((i) => Math.max(...points.map((point) => point[i] as number), 1e-9)) as [
    number,
    number,
  ];
  const leastX = Math.min(...points.map(([at]) => at));
  const along = (value: number): number => (isLog ? Math.log2(value) : value);
  const placeX = (value: number): number =>
    LEFT + ((WIDTH - LEFT) * (along(value) - along(leastX))) / Math.max(along(mostX) - along(leastX), 1e-9);
  const placeY = (value: number): number => (HEIGHT - BOTTOM) * (1 - value / mostY);
  const path = (line: Line): string => line.points.map(([at, value]) => `${placeX(at)},${placeY(value)}`).join(" ");
  return (
    <figure>
      <ul class="legend">
        {lines.map((line, i) => (
          <li key={line.name} class={KINDS[i]}>
            {line.name}
          </li>
        ))}
      </ul>
      <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={name}>
        {[0, 0.5, 1].map((share) => (
          <g key={share}>
            <line class="axis" x1={LEFT} x2={WIDTH} y1={placeY(share * mostY)} y2={placeY(share * mostY)} />
            <text x={LEFT - 6} y={placeY(share * mostY) + (share === 1 ? 10 : 4)} text-anchor="end">
              {short(share * mostY)}
            </text>
          </g>
        ))}
        <text x={LEFT} y={HEIGHT - 8}>
          {short(leastX)}
        </text>
        <text x={WIDTH} y={HEIGHT - 8} text-anchor="end">
          {`${short(mostX)} ${x}`}
        </text>
        {lines.map((line, i) => (
          <polyline key={line.name} class={KINDS[i]} points={path(line)} />
        ))}
      </svg>
      <PointTable lines={lines} x={x} y={y} />
    </figure>
  );
}

function short(value: number): string {
  if (value >= 1000) return `${Number((value / 1000).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}

function PointTable({ lines, x, y }: { lines: readonly Line[]; x: string; y: string }) {
  const all = [...new Set(lines.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  return (
    <details class="table">
      <summary>{y}</summary>
      <div class="scrolls" tabIndex={0} role="group" aria-label={y}>
        <table>
          <thead>
            <tr>
              <th scope="col">{x}</th>
              {lines.map(({ name }) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {all.map((at) => (
              <tr key={at}>
                <th scope="row">{at}</th>
                {lines.map(({ name, points }) => (
                  <td key={name}>{points.find(([place]) => place === at)?.[1].toPrecision(4) ?? ""}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
