import { escaped } from "../common/index.ts";

/** A matrix with the names of its rows and columns. */
export interface HeatMap {
  /** The title above the picture. */
  readonly title: string;
  /** The names of the rows. */
  readonly rows: readonly string[];
  /** The names of the columns. */
  readonly columns: readonly string[];
  /** Row by row, `rows × columns`; the largest magnitude is the darkest, numbers below 0 are orange. */
  readonly values: ArrayLike<number>;
}

const CELL = 26;
const LETTER = 7.2;

/** Text that may stand in XML: control characters, which it may not hold, are shown as their pictures. */
export function xmlText(text: string): string {
  return [...escaped(text)]
    .map((letter) => {
      const code = letter.codePointAt(0) as number;
      return code < 0x20 ? String.fromCodePoint(0x2400 + code) : letter;
    })
    .join("");
}

/** A token with its spaces made visible. */
export function visibleToken(token: string): string {
  return token.replace(/^ /, "·").replaceAll("\n", "⏎").replaceAll("\t", "⇥");
}

/** A matrix drawn as an SVG picture on white, with a value in every cell's tooltip. */
export function heatMapSvg({ title, rows, columns, values }: HeatMap): string {
  const label = (texts: readonly string[]): number => Math.max(...texts.map((text) => [...text].length), 1) * LETTER;
  const [left, top] = [label(rows) + 20, label(columns) + 56];
  const [width, height] = [
    Math.max(left + columns.length * CELL + 20, title.length * 9),
    top + rows.length * CELL + 20,
  ];
  const most = Math.max(...Array.from(values, Math.abs), Number.MIN_VALUE);
  const cells = rows.flatMap((row, i) =>
    columns.map((column, j) => {
      const value = values[i * columns.length + j] as number;
      const [x, y] = [left + j * CELL, top + i * CELL];
      const share = Math.sqrt(Math.abs(value) / most).toFixed(3);
      const colour = value < 0 ? "#c45410" : "#173f94";
      const name = `${visibleToken(row)} → ${visibleToken(column)}: ${Number(value.toPrecision(4))}`;
      return `<rect x="${x}" y="${y}" width="${CELL - 1}" height="${CELL - 1}" fill="${colour}" fill-opacity="${share}"><title>${xmlText(name)}</title></rect>`;
    }),
  );
  const rowLabels = rows.map(
    (row, i) =>
      `<text x="${left - 8}" y="${top + i * CELL + 17}" text-anchor="end">${xmlText(visibleToken(row))}</text>`,
  );
  const columnLabels = columns.map((column, j) => {
    const [x, y] = [left + j * CELL + 16, top - 8];
    return `<text transform="translate(${x} ${y}) rotate(-90)">${xmlText(visibleToken(column))}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${height}" viewBox="0 0 ${Math.ceil(width)} ${height}" role="img" aria-label="${xmlText(title)}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12" fill="#1d1f24">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="20" y="28" font-size="15" font-family="system-ui, sans-serif">${xmlText(title)}</text>`,
    ...columnLabels,
    ...rowLabels,
    ...cells,
    "</svg>\n",
  ].join("\n");
}
