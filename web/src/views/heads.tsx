import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { HeadAblation, HeadHabit, HeadMeasures, HeadPlace } from "../../../src/explain/index.ts";
import type { StudioTrace } from "../../../src/studio/trace.ts";
import { fill, percent, say } from "../i18n/index.ts";
import { model } from "../results.ts";
import { head, layer, text } from "../state.ts";
import { figure } from "../ui/figure.ts";
import { HeatMap } from "../ui/heat-map.tsx";
import { Bars, Choices, Intro, Station, TokenStrip, Unfit } from "../ui/parts.tsx";
import { useAnswer } from "../ui/use-answer.ts";
import { headOf } from "./picture.tsx";

const habits: readonly HeadHabit[] = ["previous", "next", "current", "first", "same", "punctuation"];
const LISTED = 12;

/** Attention heads by what they attend to; any of them can be switched off. */
export function HeadsView() {
  const { heads: words, errors } = say.value;
  const open = model.value;
  const off = useSignal<readonly HeadPlace[]>([]);
  const asked = text.value.trim() === "" ? null : { text: text.value };
  const hasHeads = open !== null && (open.facts.kind === "decoder" || open.facts.kind === "encoder");
  const trace = useAnswer<StudioTrace>(open, hasHeads && asked ? ["trace", { ...asked, window: 48 }] : null);
  const measures = useAnswer<HeadMeasures[]>(open, hasHeads && asked ? ["heads", asked] : null);
  const importance = useAnswer<number[][]>(open, hasHeads && asked ? ["importance", asked] : null);
  const ablation = useAnswer<HeadAblation>(open, hasHeads && asked ? ["ablate", { ...asked, heads: off.value }] : null);
  useEffect(() => {
    off.value = [];
  }, [open]);
  if (open && !hasHeads)
    return <Unfit text={open.facts.kind.startsWith("recurrent") ? errors.needsAttention : errors.needsDecoder} />;
  const toggle = (place: HeadPlace): void => {
    const rest = off.value.filter((each) => each.layer !== place.layer || each.head !== place.head);
    off.value = rest.length < off.value.length ? rest : [...off.value, place];
  };
  return (
    <>
      <Intro text={words.intro} question={words.question} />
      {trace && <TokenStrip tokens={trace.tokens} showsIds={false} />}
      {measures && trace && (
        <div class="attention table-first">
          <HeadTable measures={measures} importance={importance} off={off.value} toggle={toggle} />
          <Enlarged trace={trace} />
        </div>
      )}
      {ablation && <Ablation of={ablation} off={off.value} />}
    </>
  );
}

interface HeadTableProps {
  readonly measures: readonly HeadMeasures[];
  readonly importance: readonly (readonly number[])[] | null;
  readonly off: readonly HeadPlace[];
  readonly toggle: (place: HeadPlace) => void;
}

const lift = ({ shares, even }: HeadMeasures, habit: HeadHabit): number => shares[habit] - even[habit];

function HeadTable({ measures, importance, off, toggle }: HeadTableProps) {
  const { heads: words, picture } = say.value;
  const filter = useSignal<HeadHabit | null>(null);
  const habitOf = (of: HeadMeasures): HeadHabit => filter.value ?? of.habit;
  const sorted = [...measures].sort((a, b) => lift(b, habitOf(b)) - lift(a, habitOf(a))).slice(0, LISTED);
  useEffect(() => {
    figure.value = {
      name: "heads",
      title: words.habit,
      rows: measures.map((each) => fill(picture.head, each.layer + 1, each.head + 1)),
      columns: habits.map((habit) => words.habits[habit]),
      values: measures.flatMap(({ shares }) => habits.map((habit) => shares[habit])),
      data: { measures, importance },
    };
  }, [measures, importance, words]);
  return (
    <div>
      <Choices
        name={words.habit}
        all={[null, ...habits]}
        chosen={filter.value}
        label={(habit) => (habit === null ? words.all : words.habits[habit])}
        onChoose={(habit) => (filter.value = habit)}
      />
      <div class="scrolls" tabIndex={0} role="group" aria-label={words.habit}>
        <table class="plain">
          <thead>
            <tr>
              {[say.value.views.heads, words.habit, words.share, words.importance, words.off].map((name) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.map((each) => {
              const isOff = off.some((place) => place.layer === each.layer && place.head === each.head);
              const name = fill(picture.head, each.layer + 1, each.head + 1);
              const show = (): void => {
                layer.value = each.layer;
                head.value = each.head;
              };
              const isShown = layer.value === each.layer && head.value === each.head;
              return (
                <tr key={name} class={isOff ? "struck" : ""}>
                  <th scope="row">
                    <button type="button" class="choice" aria-pressed={isShown} onClick={show}>
                      {name}
                    </button>
                  </th>
                  <td>{words.habits[habitOf(each)]}</td>
                  <td>{percent(each.shares[habitOf(each)])}</td>
                  <td>{importance?.[each.layer]?.[each.head]?.toFixed(3) ?? "…"}</td>
                  <td>
                    <button
                      type="button"
                      aria-label={`${isOff ? words.on : words.off}: ${name}`}
                      onClick={() => toggle(each)}
                    >
                      {isOff ? words.on : words.off}
                    </button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p class="small">{words.importanceNote}</p>
    </div>
  );
}

function Enlarged({ trace }: { trace: StudioTrace }) {
  const { picture: words } = say.value;
  const at = Math.min(layer.value, trace.attentions.length - 1);
  const matrix = trace.attentions[at];
  if (!matrix) return null;
  const index = Math.min(head.value, (matrix.shape[0] as number) - 1);
  const labels = trace.tokens.slice(trace.from).map(({ token }) => token);
  const name = fill(words.head, at + 1, index + 1);
  return (
    <figure>
      <figcaption>
        <strong>{name}</strong> <span class="small">{`${words.row} · ${words.column}`}</span>
      </figcaption>
      <HeatMap
        name={name}
        rows={labels}
        columns={labels}
        values={headOf(matrix, index)}
        rowsFrom={trace.from}
        columnsFrom={trace.from}
      />
    </figure>
  );
}

function Ablation({ of, off }: { of: HeadAblation; off: readonly HeadPlace[] }) {
  const { heads: words, picture } = say.value;
  const names = off.map((place) => fill(picture.head, place.layer + 1, place.head + 1)).join(" · ");
  const rows = (outcomes: HeadAblation["before"]) =>
    outcomes.map(({ label, probability }) => ({ label, value: probability }));
  const most = Math.max(...[...of.before, ...of.after].map(({ probability }) => probability));
  return (
    <Station name="ablation-station" title={off.length === 0 ? words.none : fill(words.offAll, names)}>
      <p>{fill(words.divergence, of.divergence.toFixed(3))}</p>
      <div class="side">
        <figure>
          <figcaption>{words.before}</figcaption>
          <Bars rows={rows(of.before)} name={words.before} most={most} />
        </figure>
        <figure>
          <figcaption>{words.after}</figcaption>
          <Bars rows={rows(of.after)} name={words.after} most={most} />
        </figure>
      </div>
    </Station>
  );
}
