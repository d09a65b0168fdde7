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
  /** Rows that count; later ones stay empty. */
  readonly shown?: number;
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

const inks = new Map<Theme, { readonly ink: string; readonly accent: string }>();

/** The page's colours of letters and marks; asking for them costs a layout, so it is done once. */
function inkOf(of: Theme): { readonly ink: string; readonly accent: string } {
  const known = inks.get(of);
  if (known) return known;
  const style = getComputedStyle(document.documentElement);
  const found = { ink: style.getPropertyValue("--ink"), accent: style.getPropertyValue("--accent") };
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

function draw(canvas: HTMLCanvasElement, props: HeatMapProps, layout: Layout, focus: Focus): void {
  const { rows, columns, values, shown = rows.length, signed = false } = props;
  const { cell, left, top, width, height } = layout;
  const ratio = devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
  const { ink, accent } = inkOf(theme.value);
  pen.scale(ratio, ratio);
  pen.font = FONT;
  drawCells(pen, { values, rows: Math.min(rows.length, shown), columns: columns.length, signed }, layout);
  pen.textBaseline = "middle";
  const skips = cell < 12 ? Math.ceil(12 / cell) : 1;
  for (const [i, label] of rows.entries()) {
    if (i % skips !== 0 && i !== focus.row) continue;
    pen.fillStyle = i === focus.row ? accent : ink;
    pen.globalAlpha = i < shown ? 1 : 0.35;
    pen.textAlign = "right";
    pen.fillText(cut(label), left - 6, top + i * cell + cell / 2);
  }
  pen.globalAlpha = 1;
  for (const [i, label] of columns.entries()) {
    if (i % skips !== 0 && i !== focus.column) continue;
    pen.save();
    pen.translate(left + i * cell + cell / 2, top - 6);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "left";
    pen.fillStyle = i === focus.column ? accent : ink;
    pen.fillText(cut(label), 0, 0);
    pen.restore();
  }
  pen.strokeStyle = accent;
  pen.lineWidth = 2;
  if (focus.row !== null && focus.row < rows.length)
    pen.strokeRect(left, top + focus.row * cell, cell * columns.length, cell);
  if (focus.column !== null && focus.column < columns.length)
    pen.strokeRect(left + focus.column * cell, top, cell, cell * rows.length);
}

function placeOf(event: MouseEvent, layout: Layout, props: HeatMapProps): readonly [number, number] | null {
  const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
  const row = Math.floor((event.clientY - box.top - layout.top) / layout.cell);
  const column = Math.floor((event.clientX - box.left - layout.left) / layout.cell);
  const isInside = row >= 0 && row < props.rows.length && column >= 0 && column < props.columns.length;
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
    if (canvas.current) draw(canvas.current, props, layout, focus);
  }, [values, rows, columns, props.shown, layout.width, layout.height, focus.row, focus.column, dark]);
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
    move(at.value ? [within(row + step[0], rows.length), within(column + step[1], columns.length)] : [0, 0]);
  };
  return (
    <div class="heat-map" ref={frame}>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={props.name}
        onMouseMove={(event) => move(placeOf(event, layout, props))}
        onMouseLeave={() => move(null)}
        onClick={() => {
          if (at.value && rowsFrom !== null) pinned.value = at.value[0] + rowsFrom;
        }}
        onKeyDown={onKeyDown}
        onBlur={() => move(null)}
      />
      <p class="readout" aria-live="polite">
        {at.value ? read(props, at.value) : " "}
      </p>
      <MatrixTable {...props} />
    </div>
  );
}

function read({ rows, columns, values, describe }: HeatMapProps, [row, column]: readonly [number, number]): string {
  const value = values[row * columns.length + column] as number;
  if (describe) return describe(row, column, value);
  return fill(say.value.picture.weight, rows[row] as string, columns[column] as string, percent(value));
}

const WHOLE = 20;
const LISTED = 25;

/** The same numbers as a table: all of a small matrix, the strongest of a large one. */
function MatrixTable(props: HeatMapProps) {
  const { rows, columns, values, name, signed = false } = props;
  const open = useSignal(false);
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
            <StrongestTable {...props} words={words} />
          )}
        </div>
      )}
    </details>
  );
}

function StrongestTable({ rows, columns, values, words }: HeatMapProps & { words: (value: number) => string }) {
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
