import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { say } from "../i18n/index.ts";
import { Intro } from "../ui/parts.tsx";

/** The circle on a screen and, tall and narrow, on a phone; the angles of the stages are in degrees from the top. */
const wide = {
  ...{ width: 880, height: 520, radiusX: 330, radiusY: 190, boxWidth: 186, boxHeight: 62 },
  angles: [0, 45, 90, 135, 180, 225, 270, 315, 360],
};
const narrow = {
  ...{ width: 400, height: 640, radiusX: 118, radiusY: 288, boxWidth: 160, boxHeight: 54 },
  angles: [0, 60, 90, 120, 180, 240, 270, 300, 360],
};

/** True on a phone. */
function useNarrow(): boolean {
  const screen = useMemo(() => matchMedia("(max-width: 40rem)"), []);
  const isNarrow = useSignal(screen.matches);
  useEffect(() => {
    const follow = (): void => {
      isNarrow.value = screen.matches;
    };
    screen.addEventListener("change", follow);
    return () => screen.removeEventListener("change", follow);
  }, []);
  return isNarrow.value;
}

/** The pages of the documentation on each stage. */
const pages: readonly string[] = [
  "training.md#training-data",
  "tokenizers.md",
  "training.md",
  "guides/fine-tune-a-classifier.md",
  "evaluation.md",
  "quantization.md",
  "guides/node-server.md",
  "evaluation.md",
];
const DOCS = "https://github.com/lectern/lectern/blob/main/docs/";

/** The stages of a model's life as a circle, each with a link to its page. */
export function LifecycleView() {
  const { lifecycle: words } = say.value;
  const { stages } = words;
  const { width, height, radiusX, radiusY, boxWidth, boxHeight, angles } = useNarrow() ? narrow : wide;
  const placeOf = (at: number): readonly [number, number] => {
    const [from = 0, to = 0] = angles.slice(Math.floor(at));
    const angle = (Math.PI / 180) * (from + (to - from) * (at % 1));
    return [width / 2 + radiusX * Math.sin(angle), height / 2 - radiusY * Math.cos(angle)];
  };
  return (
    <>
      <Intro text={words.intro} question={words.question} />
      <div class="scrolls" tabIndex={0} role="group" aria-label={say.value.views.lifecycle}>
        <svg class="cycle" viewBox={`0 0 ${width} ${height}`} role="group" aria-label={say.value.views.lifecycle}>
          <defs>
            <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
              <path d="M0 0L8 4L0 8z" class="tip" />
            </marker>
          </defs>
          <ellipse class="ring" cx={width / 2} cy={height / 2} rx={radiusX} ry={radiusY} />
          {stages.map((_, i) => {
            const [x, y] = placeOf(i + 0.5);
            const [fromX, fromY] = placeOf(i + 0.47);
            return <path key={i} d={`M${fromX} ${fromY}L${x} ${y}`} marker-end="url(#tip)" />;
          })}
          {stages.map(({ name, note }, i) => {
            const [x, y] = placeOf(i);
            return (
              <a key={name} href={`${DOCS}${pages[i]}`}>
                <rect x={x - boxWidth / 2} y={y - boxHeight / 2} width={boxWidth} height={boxHeight} rx="10" />
                <text x={x} y={y - 4}>
                  {name}
                </text>
                <text class="note" x={x} y={y + 17}>
                  {note}
                </text>
              </a>
            );
          })}
        </svg>
      </div>
    </>
  );
}
