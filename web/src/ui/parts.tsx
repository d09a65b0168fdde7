import { useComputed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { visibleToken } from "../../../src/explain/heat-map-svg.ts";
import type { TokenPiece } from "../../../src/explain/index.ts";
import { percent, say } from "../i18n/index.ts";
import { hovered, lit, pinned, theme } from "../state.ts";
import { diverge, matrixImage } from "./colours.ts";

/** A part of a view with a heading and one sentence. */
export function Station({
  title,
  note,
  children,
  name,
}: {
  title: string;
  note?: string;
  name: string;
  children?: ComponentChildren;
}) {
  return (
    <section class={`station ${name}`} aria-labelledby={`${name}-title`}>
      <h2 id={`${name}-title`}>{title}</h2>
      {note && <p class="note">{note}</p>}
      {children}
    </section>
  );
}

/** A lesson's two sentences and its question. */
export function Intro({ text, question }: { text: string; question?: string }) {
  return (
    <div class="intro">
      <p class="lead">{text}</p>
      {question && (
        <p class="question">
          <strong>{say.value.question}</strong> {question}
        </p>
      )}
    </div>
  );
}

/** A message in place of a view that the model does not fit. */
export function Unfit({ text }: { text: string }) {
  return (
    <p class="unfit" role="status">
      {text}
    </p>
  );
}

export interface TokenStripProps {
  readonly tokens: readonly TokenPiece[];
  /** Tokens from this position on were written by the model. */
  readonly written?: number;
  /** The position that predicts. */
  readonly current?: number;
  /** Tokens behind this position are not there yet. */
  readonly until?: number;
  /** From −1 to 1, the colour of each token. */
  readonly tint?: readonly number[];
  readonly showsIds?: boolean;
}

/** A text's tokens as buttons: pointing lights one up everywhere, a click keeps it lit. */
export function TokenStrip({
  tokens,
  written = tokens.length,
  current,
  until,
  tint,
  showsIds = true,
}: TokenStripProps) {
  const shown = tokens.slice(0, (until ?? tokens.length - 1) + 1);
  return (
    <ol class="tokens" dir="auto">
      {shown.map((piece, i) => (
        <Token
          key={i}
          piece={piece}
          at={i}
          isWritten={i >= written}
          isCurrent={i === current}
          tint={tint?.[i]}
          showsId={showsIds}
        />
      ))}
    </ol>
  );
}

interface TokenProps {
  readonly piece: TokenPiece;
  readonly at: number;
  readonly isWritten: boolean;
  readonly isCurrent: boolean;
  readonly tint: number | undefined;
  readonly showsId: boolean;
}

/** One token; of a long text, only those are rendered anew that something changes for. */
function Token({ piece: { token, id, isSpecial }, at, isWritten, isCurrent, tint, showsId }: TokenProps) {
  const isLit = useComputed(() => lit.value === at);
  const isPinned = useComputed(() => pinned.value === at);
  const names = ["token"];
  if (isWritten) names.push("written");
  if (isCurrent) names.push("current");
  if (isLit.value) names.push("lit");
  if (isSpecial) names.push("special");
  return (
    <li>
      <button
        type="button"
        class={names.join(" ")}
        aria-pressed={isPinned.value}
        style={tint === undefined ? undefined : tintOf(tint)}
        onMouseEnter={() => (hovered.value = at)}
        onMouseLeave={() => (hovered.value = null)}
        onFocus={() => (hovered.value = at)}
        onBlur={() => (hovered.value = null)}
        onClick={() => (pinned.value = isPinned.value ? null : at)}
      >
        <bdi class="piece">{visibleToken(token)}</bdi>
        {showsId && <span class="id">{id}</span>}
      </button>
    </li>
  );
}

function tintOf(value: number): Record<string, string> {
  const isStrong = Math.abs(value) > 0.5;
  const ink = theme.value === "light" ? (isStrong ? "#fff" : "#1d1f24") : isStrong ? "#14161a" : "#eceae5";
  return { background: diverge(theme.value, value), color: ink, "--id": ink };
}

/** The style of a table's cell whose lower edge shows a probability. */
export const underlined = (probability: number): Record<string, string> => ({ "--share": `${100 * probability}%` });

export interface BarRow {
  readonly label: string;
  readonly value: number;
  readonly mark?: boolean;
  readonly struck?: string | undefined;
  /** A second value, drawn as a line. */
  readonly line?: number;
  readonly note?: string;
}

interface ChoicesProps<T> {
  /** The name of the group, for screen readers. */
  readonly name: string;
  readonly all: readonly T[];
  readonly chosen: T;
  readonly label: (value: T) => ComponentChildren;
  readonly onChoose: (value: T) => void;
}

/** Buttons of which one is pressed. */
export function Choices<T extends string | number | null>({ name, all, chosen, label, onChoose }: ChoicesProps<T>) {
  return (
    <div class="choices" role="group" aria-label={name}>
      {all.map((each) => (
        <button type="button" class="choice" key={each} aria-pressed={each === chosen} onClick={() => onChoose(each)}>
          {label(each)}
        </button>
      ))}
    </div>
  );
}

/** Horizontal bars with their values, the longest as wide as there is room. */
export function Bars({
  rows,
  name,
  format = percent,
  most,
}: {
  rows: readonly BarRow[];
  name: string;
  format?: (value: number) => string;
  most?: number;
}) {
  const largest = most ?? Math.max(...rows.map(({ value, line = 0 }) => Math.max(Math.abs(value), line)), 1e-9);
  return (
    <table class="bars">
      <caption class="hidden">{name}</caption>
      <tbody>
        {rows.map(({ label, value, mark, struck, line, note }, i) => (
          <tr key={i} class={mark ? "drawn" : struck ? "struck" : ""}>
            <th scope="row">{struck ? <s>{visibleToken(label)}</s> : <bdi>{visibleToken(label)}</bdi>}</th>
            <td class="bar">
              <span
                class={`fill ${value < 0 ? "negative" : ""}`}
                style={{ width: `${(100 * Math.abs(value)) / largest}%` }}
              />
              {line !== undefined && <span class="line" style={{ left: `${(100 * line) / largest}%` }} />}
            </td>
            <td class="value">{struck ?? format(value)}</td>
            {note !== undefined && <td class="value">{note}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A small picture of one head without labels. */
export function Thumbnail({
  values,
  size,
  name,
  chosen,
  onChoose,
}: {
  values: Float32Array;
  size: number;
  name: string;
  chosen: boolean;
  onChoose: () => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = theme.value;
  useEffect(() => {
    const pen = canvas.current?.getContext("2d");
    if (!pen || !canvas.current) return;
    [canvas.current.width, canvas.current.height] = [size, size];
    pen.putImageData(matrixImage(colours, { values, rows: size, columns: size }), 0, 0);
  }, [values.buffer, values.byteOffset, size, colours]);
  return (
    <button
      type="button"
      class={`head ${chosen ? "chosen" : ""}`}
      aria-pressed={chosen}
      aria-label={name}
      onClick={onChoose}
    >
      <canvas ref={canvas} />
    </button>
  );
}
