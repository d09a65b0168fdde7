import { say } from "../i18n/index.ts";
import { Intro } from "../ui/parts.tsx";

const [WIDTH, HEIGHT, RADIUS_X, RADIUS_Y] = [880, 520, 330, 190];
const [BOX_WIDTH, BOX_HEIGHT] = [186, 62];

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
  const placeOf = (at: number): readonly [number, number] => {
    const angle = (2 * Math.PI * at) / stages.length - Math.PI / 2;
    return [WIDTH / 2 + RADIUS_X * Math.cos(angle), HEIGHT / 2 + RADIUS_Y * Math.sin(angle)];
  };
  return (
    <>
      <Intro text={words.intro} question={words.question} />
      <div class="scrolls" tabIndex={0} role="group" aria-label={say.value.views.lifecycle}>
        <svg class="cycle" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label={say.value.views.lifecycle}>
          <defs>
            <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
              <path d="M0 0L8 4L0 8z" class="tip" />
            </marker>
          </defs>
          <ellipse class="ring" cx={WIDTH / 2} cy={HEIGHT / 2} rx={RADIUS_X} ry={RADIUS_Y} />
          {stages.map((_, i) => {
            const [x, y] = placeOf(i + 0.5);
            const [fromX, fromY] = placeOf(i + 0.47);
            return <path key={i} d={`M${fromX} ${fromY}L${x} ${y}`} marker-end="url(#tip)" />;
          })}
          {stages.map(({ name, note }, i) => {
            const [x, y] = placeOf(i);
            return (
              <a key={name} href={`${DOCS}${pages[i]}`}>
                <rect x={x - BOX_WIDTH / 2} y={y - BOX_HEIGHT / 2} width={BOX_WIDTH} height={BOX_HEIGHT} rx="10" />
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
