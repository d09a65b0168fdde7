import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { visibleToken } from "../../../src/explain/heat-map-svg.ts";
import { fill, percent, say } from "../i18n/index.ts";
import { hovered, lit, pinned, type Theme, theme } from "../state.ts";
import { matrixImage } from "./colours.ts";

export interface HeatMapProps {
  readonly name: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** `rows × columns` */
  readonly values: Float32Array;
  /** The position of the first row and column in the text; null: rows or columns are no tokens of the text. */
  readonly rowsFrom: number | null;
  readonly columnsFrom: number | null;
  /** Rows that are shown, and, of a text's tokens, columns; default all. The picture is drawn whole and cut. */
  readonly until?: number;
  /** True for values of both signs. */
  readonly signed?: boolean;
  readonly describe?: (row: number, column: number, value: number) => string;
}

const LARGEST_CELL = 30;
const SMALLEST_CELL = 7;
const LETTER = 7.6;
const FONT = "12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace";

interface Layout {
  readonly cell: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function layoutOf({ rows, columns }: HeatMapProps, room: number): Layout {
  const widest = (labels: readonly string[]): number =>
    Math.min(15, Math.max(1, ...labels.map((label) => [...label].length))) * LETTER + 12;
  const [left, top] = [widest(rows), widest(columns)];
  const cell = Math.max(SMALLEST_CELL, Math.min(LARGEST_CELL, Math.floor((room - left - 2) / columns.length)));
  return { cell, left, top, width: left + cell * columns.length + 2, height: top + cell * rows.length + 2 };
}

function cut(label: string): string {
  const letters = [...visibleToken(label)];
  return letters.length > 15 ? `${letters.slice(0, 14).join("")}…` : letters.join("");
}

interface Focus {
  readonly row: number | null;
  readonly column: number | null;
}

const inks = new Map<Theme, string>();

/** The page's colour of letters; asking for it costs a layout, so it is done once. */
function inkOf(of: Theme): string {
  const known = inks.get(of);
  if (known) return known;
  const found = getComputedStyle(document.documentElement).getPropertyValue("--ink");
  inks.set(of, found);
  return found;
}

interface Cells {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly signed: boolean;
}

function drawCells(pen: CanvasRenderingContext2D, cells: Cells, { cell, left, top }: Layout): void {
  const { values, rows, columns, signed } = cells;
  if (rows < 1 || columns < 1) return;
  const small = new OffscreenCanvas(columns, rows);
  const most = signed ? values.reduce((best, value) => Math.max(best, Math.abs(value)), 1e-9) : undefined;
  small.getContext("2d")?.putImageData(matrixImage(theme.value, cells, most), 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, left, top, columns * cell, rows * cell);
  if (cell <= 10) return; // too small for gaps
  for (let row = 1; row <= rows; row++) pen.clearRect(left, top + row * cell - 1, columns * cell, 1);
  for (let column = 1; column <= columns; column++) pen.clearRect(left + column * cell - 1, top, 1, rows * cell);
}

/** The distance of the labels that are written, in cells. */
const skipsOf = ({ cell }: Layout): number => (cell < 12 ? Math.ceil(12 / cell) : 1);

/** The part of the picture that is in sight; a label reaches further than its small cell. */
function outlineOf({ rows, columns }: HeatMapProps, extent: Extent, layout: Layout): string | undefined {
  if (extent.rows === rows.length && extent.columns === columns.length) return undefined;
  const { cell, left, top, width, height } = layout;
  const skips = skipsOf(layout);
  const labelled = (count: number): number => cell * (Math.floor((count - 1) / skips) * skips + (1 + skips) / 2);
  const [right, bottom] = [left + cell * extent.columns, top + cell * extent.rows];
  const topEnd = extent.columns === columns.length ? width : left + labelled(extent.columns);
  const leftEnd = extent.rows === rows.length ? height : top + labelled(extent.rows);
  const points = [
    ...[0, 0, topEnd, 0, topEnd, top, right, top],
    ...[right, bottom, left, bottom, left, leftEnd, 0, leftEnd],
  ];
  const pairs = Array.from({ length: points.length / 2 }, (_, i) => `${points[2 * i]}px ${points[2 * i + 1]}px`);
  return `polygon(${pairs.join(", ")})`;
}

/** Draws all rows and columns with their labels; what is lit lies above the picture, so that lighting draws nothing anew. */
function draw(canvas: HTMLCanvasElement, props: HeatMapProps, layout: Layout): void {
  const { rows, columns, values, signed = false } = props;
  const { cell, left, top, width, height } = layout;
  const ratio = devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
  pen.scale(ratio, ratio);
  pen.font = FONT;
  drawCells(pen, { values, rows: rows.length, columns: columns.length, signed }, layout);
  pen.fillStyle = inkOf(theme.value);
  pen.textBaseline = "middle";
  const skips = skipsOf(layout);
  for (const [i, label] of rows.entries()) {
    if (i % skips !== 0) continue;
    pen.textAlign = "right";
    pen.fillText(cut(label), left - 6, top + i * cell + cell / 2);
  }
  for (const [i, label] of columns.entries()) {
    if (i % skips !== 0) continue;
    pen.save();
    pen.translate(left + i * cell + cell / 2, top - 6);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "left";
    pen.fillText(cut(label), 0, 0);
    pen.restore();
  }
}

/** The counts of rows and columns in sight. */
interface Extent {
  readonly rows: number;
  readonly columns: number;
}

function extentOf({ rows, columns, columnsFrom, until = rows.length }: HeatMapProps): Extent {
  const isText = columnsFrom !== null;
  return { rows: Math.min(rows.length, until), columns: isText ? Math.min(columns.length, until) : columns.length };
}

/** The lit row and column with their labels, above the picture. */
function Marks({ of, extent, layout, focus }: { of: HeatMapProps; extent: Extent; layout: Layout; focus: Focus }) {
  const { cell, left, top } = layout;
  const { row, column } = focus;
  const px = (value: number): string => `${value}px`;
  const [width, height] = [px(cell * extent.columns), px(cell * extent.rows)];
  const isRow = row !== null && row < extent.rows;
  const isColumn = column !== null && column < extent.columns;
  return (
    <div aria-hidden="true">
      {isRow && <i class="mark" style={{ left: px(left), top: px(top + row * cell), width, height: px(cell) }} />}
      {isColumn && <i class="mark" style={{ left: px(left + column * cell), top: px(top), width: px(cell), height }} />}
      {isRow && (
        <b class="row-label" style={{ width: px(left - 6), top: px(top + (row + 0.5) * cell) }}>
          {cut(of.rows[row] as string)}
        </b>
      )}
      {isColumn && (
        <b class="column-label" style={{ left: px(left + (column + 0.5) * cell), top: px(top - 6) }}>
          {cut(of.columns[column] as string)}
        </b>
      )}
    </div>
  );
}

function placeOf(event: MouseEvent, layout: Layout, extent: Extent): readonly [number, number] | null {
  const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
  const row = Math.floor((event.clientY - box.top - layout.top) / layout.cell);
  const column = Math.floor((event.clientX - box.left - layout.left) / layout.cell);
  const isInside = row >= 0 && row < extent.rows && column >= 0 && column < extent.columns;
  return isInside ? [row, column] : null;
}

const steps: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** A heat map that reads out the cell under the pointer or, by the arrow keys, that of the keyboard. */
export function HeatMap(props: HeatMapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const at = useSignal<readonly [number, number] | null>(null);
  const room = useSignal(640);
  const layout = layoutOf(props, room.value);
  const extent = extentOf(props);
  const { rows, columns, values, rowsFrom, columnsFrom } = props;
  const indexOf = (from: number | null, count: number): number | null => {
    if (from === null || lit.value === null) return null;
    const index = lit.value - from;
    return index >= 0 && index < count ? index : null;
  };
  const focus: Focus = {
    row: at.value?.[0] ?? indexOf(rowsFrom, rows.length),
    column: at.value?.[1] ?? indexOf(columnsFrom, columns.length),
  };
  useEffect(() => {
    if (!frame.current) return;
    const observer = new ResizeObserver(([entry]) => (room.value = entry?.contentRect.width ?? 640));
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  const dark = theme.value;
  useEffect(() => {
    if (canvas.current) draw(canvas.current, props, layout);
  }, [values, rows, columns, layout.width, layout.height, dark]);
  const move = (place: readonly [number, number] | null): void => {
    at.value = place;
    if (rowsFrom !== null) hovered.value = place ? place[0] + rowsFrom : null;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const [row, column] = at.value ?? [0, 0];
    const within = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));
    move(at.value ? [within(row + step[0], extent.rows), within(column + step[1], extent.columns)] : [0, 0]);
  };
  return (
    <div class="heat-map" ref={frame}>
      <div
        class="cut"
        style={{
          width: `${layout.width}px`,
          clipPath: outlineOf(props, extent, layout),
        }}
      >
        <canvas
          ref={canvas}
          tabIndex={0}
          role="img"
          aria-label={props.name}
          onMouseMove={(event) => move(placeOf(event, layout, extent))}
          onMouseLeave={() => move(null)}
          onClick={() => {
            if (at.value && rowsFrom !== null) pinned.value = at.value[0] + rowsFrom;
          }}
          onKeyDown={onKeyDown}
          onBlur={() => move(null)}
        />
        <Marks of={props} extent={extent} layout={layout} focus={focus} />
      </div>
      <p class="readout" aria-live="polite">
        {at.value ? read(props, at.value) : " "}
      </p>
      <MatrixTable of={props} extent={extent} />
    </div>
  );
}

function read({ rows, columns, values, describe }: HeatMapProps, [row, column]: readonly [number, number]): string {
  const value = values[row * columns.length + column] as number;
  if (describe) return describe(row, column, value);
  return fill(say.value.picture.weight, rows[row] as string, columns[column] as string, percent(value));
}

/** The first rows and columns of a matrix. @param width its columns */
export function corner(values: Float32Array, width: number, { rows, columns }: Extent): Float32Array {
  const cut = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) cut.set(values.subarray(row * width, row * width + columns), row * columns);
  return cut;
}

const WHOLE = 20;
const LISTED = 25;

/** The same numbers as a table: all of a small matrix, the strongest of a large one. */
function MatrixTable({ of, extent }: { of: HeatMapProps; extent: Extent }) {
  const open = useSignal(false);
  const { name, signed = false } = of;
  const rows = of.rows.slice(0, extent.rows);
  const columns = of.columns.slice(0, extent.columns);
  const values = open.value ? corner(of.values, of.columns.length, extent) : of.values;
  const words = (value: number): string => (signed ? value.toFixed(3) : percent(value));
  const isWhole = rows.length <= WHOLE && columns.length <= WHOLE;
  return (
    <details class="table" onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>{say.value.table}</summary>
      {open.value && (
        <div class="scrolls" tabIndex={0} role="group" aria-label={name}>
          {isWhole ? (
            <table>
              <caption>{name}</caption>
              <thead>
                <tr>
                  <td />
                  {columns.map((column, i) => (
                    <th scope="col" key={i}>
                      {visibleToken(column)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.map((row, i) => (
                  <tr key={i}>
                    <th scope="row">{visibleToken(row)}</th>
                    {columns.map((_, j) => (
                      <td key={j}>{words(values[i * columns.length + j] as number)}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <StrongestTable rows={rows} columns={columns} values={values} words={words} />
          )}
        </div>
      )}
    </details>
  );
}

function StrongestTable({
  rows,
  columns,
  values,
  words,
}: Pick<HeatMapProps, "rows" | "columns" | "values"> & { words: (value: number) => string }) {
  const order = [...values.keys()].sort((a, b) => Math.abs(values[b] as number) - Math.abs(values[a] as number));
  const top = order.slice(0, LISTED);
  return (
    <table>
      <caption>{fill(say.value.strongest, top.length, values.length)}</caption>
      <tbody>
        {top.map((at) => (
          <tr key={at}>
            <th scope="row">{visibleToken(rows[Math.floor(at / columns.length)] as string)}</th>
            <td>{visibleToken(columns[at % columns.length] as string)}</td>
            <td>{words(values[at] as number)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
