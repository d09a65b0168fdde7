export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [640, 240, 52, 30];

/** One or two lines over the same axis, with a table of their points for who does not see them. */
export function LineChart({ lines, x, y, name }: { lines: readonly Line[]; x: string; y: string; name: string }) {
  const points = lines.flatMap((line) => line.points);
  const [mostX, mostY] = [0, 1].map((i) => Math.max(...points.map((point) => point[i] as number), 1e-9)) as [
    number,
    number,
  ];
  const leastX = Math.min(...points.map(([at]) => at));
  const placeX = (value: number): number => LEFT + ((WIDTH - LEFT) * (value - leastX)) / Math.max(mostX - leastX, 1e-9);
  const placeY = (value: number): number => (HEIGHT - BOTTOM) * (1 - value / mostY);
  const path = (line: Line): string => line.points.map(([at, value]) => `${placeX(at)},${placeY(value)}`).join(" ");
  return (
    <figure>
      <ul class="legend">
        {lines.map((line, i) => (
          <li key={line.name} class={i === 1 ? "second" : ""}>
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
          <polyline key={line.name} class={i === 1 ? "two" : "one"} points={path(line)} />
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
