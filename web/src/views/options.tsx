import { computed, signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { visibleToken } from "../../../src/explain/heat-map-svg.ts";
import type { StudioDraw, StudioGeneration, StudioStep } from "../../../src/studio/generation.ts";
import { fill, percent, say } from "../i18n/index.ts";
import { current, lastStep, model, picture, report } from "../results.ts";
import {
  defaultOptions,
  libraryOptions,
  neutralOptions,
  type OptionName,
  type Options,
  options,
  step,
} from "../state.ts";
import { figure } from "../ui/figure.ts";
import { Bars, Intro, Station, Unfit, underlined } from "../ui/parts.tsx";
import { optionName, Stepper } from "./picture.tsx";

const sliders: readonly (readonly [OptionName, min: number, max: number, step: number])[] = [
  ["temperature", 0.1, 2, 0.05],
  ["topK", 0, 50, 1],
  ["topP", 0.05, 1, 0.01],
  ["minP", 0, 0.5, 0.01],
  ["repetitionPenalty", 1, 2, 0.05],
  ["noRepeatNgramSize", 0, 5, 1],
  ["maxNewTokens", 1, 64, 1],
  ["seed", 0, 99, 1],
];

/** What only drawing uses. */
const drawing: ReadonlySet<OptionName> = new Set(["temperature", "topK", "topP", "minP", "seed"]);

const switches = {
  draws: computed(() => options.value.draws === 1),
  stops: computed(() => options.value.stops === 1),
};

function setOption(name: OptionName, value: number): void {
  options.value = { ...options.value, [name]: value };
}

/** The step as it is at the sliders' present values: computed anew for each of them. */
const live = signal<StudioStep | null>(null);
/** The step that is shown: the live one, or until the model has answered that of the picture. */
const shownStep = computed(
  () => picture.value && (live.value ?? picture.value.generation.steps[Math.min(step.value, lastStep.value)]),
);
let waiting: { readonly of: Options; readonly ids: readonly number[] } | null = null;
let isRunning = false;

/** So long the model rests behind an answer while a slider moves: its threads take the cores from the drawing. */
const REST_MS = 24;

/** Resolves once what has changed is drawn; soon, too, in a tab that is not drawn at all. */
function painted(): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, 100);
    requestAnimationFrame(() => {
      clearTimeout(late);
      setTimeout(resolve);
    });
  });
}

/** Asks the model for the step; while it computes, only the newest position of the sliders waits. */
async function refresh(of: Options, ids: readonly number[]): Promise<void> {
  waiting = { of, ids };
  if (isRunning) return;
  isRunning = true;
  try {
    while (waiting && model.value) {
      const now: { readonly of: Options; readonly ids: readonly number[] } = waiting;
      waiting = null;
      const { steps } = await model.value.call<StudioGeneration>("generate", {
        ids: now.ids,
        options: { ...libraryOptions(now.of), maxNewTokens: 1 },
        candidates: 16,
      });
      live.value = steps[0] ?? null;
      await painted();
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
  } catch (error) {
    report(error);
  } finally {
    isRunning = false;
  }
}

/** The prompt and what the model has written. */
const textIds = ({ inputIds, steps }: StudioGeneration): number[] => [...inputIds, ...steps.map(({ id }) => id)];

/** The generation options, and what each does to the next token. */
export function OptionsView() {
  const { options: words } = say.value;
  const shown = picture.value;
  const open = model.value;
  const position = current.value;
  const ids = useMemo(() => shown && textIds(shown.generation).slice(0, position + 1), [shown?.generation, position]);
  useSignalEffect(() => {
    const at = current.value + 1;
    const [asked, of, written] = [model.value, options.value, picture.value?.generation];
    if (asked?.facts.generates && written) refresh(of, textIds(written).slice(0, at));
  });
  if (open && !open.facts.generates) return <Unfit text={say.value.errors.encoder} />;
  return (
    <>
      <Intro text={words.intro} />
      <div class="options">
        <Sliders />
        <div class="effects">
          <Stepper />
          <Effects />
        </div>
      </div>
      {ids && <Draws ids={ids} />}
      <SideBySide />
    </>
  );
}

function Sliders() {
  const { options: words } = say.value;
  return (
    <form class="sliders" onSubmit={(event) => event.preventDefault()}>
      {(["draws", "stops"] as const).map((name) => (
        <label class="switch" key={name}>
          <input
            type="checkbox"
            checked={switches[name].value}
            onChange={(event) => setOption(name, Number(event.currentTarget.checked))}
          />
          <span>{words[name]}</span>
          <small>{words[`${name}Note`]}</small>
        </label>
      ))}
      {sliders.map(([name, min, max, by]) => (
        <Slider key={name} name={name} min={min} max={max} by={by} />
      ))}
      <button type="button" onClick={() => (options.value = defaultOptions)}>
        {words.reset}
      </button>
    </form>
  );
}

/** One option; the move of another leaves it as it is. */
function Slider({ name, min, max, by }: { name: OptionName; min: number; max: number; by: number }) {
  const { options: words } = say.value;
  const value = useComputed(() => options.value[name]);
  return (
    <label class="slider" for={`option-${name}`}>
      <span>{words[name as "topK"]}</span>
      <output>{value}</output>
      <input
        type="range"
        id={`option-${name}`}
        name={name}
        min={min}
        max={max}
        step={by}
        value={value.value}
        disabled={!switches.draws.value && drawing.has(name)}
        onInput={(event) => setOption(name, Number(event.currentTarget.value))}
      />
      <small>{words[`${name as "topK"}Note`]}</small>
    </label>
  );
}

/** A table with a column for each option that changes scores, in the order in which they are applied. */
function Effects() {
  const now = shownStep.value;
  return now ? <EffectsOf step={now} /> : null;
}

function EffectsOf({ step: now }: { step: StudioStep }) {
  const { options: words } = say.value;
  const columns = now.candidates[0]?.after.map(({ option }) => option) ?? [];
  const numbers = now.candidates.map(({ before, after }) => [before, ...after.map(({ probability }) => probability)]);
  useEffect(() => {
    figure.value = {
      name: "options",
      title: words.effect,
      rows: now.candidates.map(({ token }) => token),
      columns: [words.modelColumn, ...columns.map(optionName)],
      values: numbers.flat(),
      data: { options: options.value, step: now },
    };
  }, [now, words]);
  return (
    <Station name="effects-station" title={words.effect} note={words.effectNote}>
      <div class="scrolls" tabIndex={0} role="group" aria-label={words.effect}>
        <table class="steps">
          <thead>
            <tr>
              <th scope="col">{words.token}</th>
              {[words.modelColumn, ...columns.map(optionName)].map((name) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {now.candidates.map(({ id, token, after }, row) => {
              const removedBy = after.find(({ probability }) => probability === 0)?.option;
              return (
                <tr key={id} class={`${id === now.id ? "drawn" : ""} ${removedBy ? "struck" : ""}`}>
                  <th scope="row">{removedBy ? <s>{visibleToken(token)}</s> : <bdi>{visibleToken(token)}</bdi>}</th>
                  {(numbers[row] as number[]).map((probability, column) => (
                    <td key={column} style={underlined(probability)}>
                      {probability === 0 && columns[column - 1] === removedBy
                        ? fill(words.removed, optionName(removedBy as string))
                        : probability === 0
                          ? "–"
                          : percent(probability)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Station>
  );
}

const DRAWS = 500;

/** Draws the next token many times, and shows the frequencies beside the probabilities. */
function Draws({ ids }: { ids: readonly number[] }) {
  const { options: words } = say.value;
  const drawn = useSignal<readonly StudioDraw[] | null>(null);
  const key = useComputed(() => JSON.stringify([options.value, current.value]));
  const drawnFor = useSignal("");
  const isDrawn = useComputed(() => drawnFor.value === key.value);
  const draw = async (): Promise<void> => {
    if (!model.value) return;
    const of = { ...libraryOptions({ ...options.value, draws: 1 }) };
    drawn.value = await model.value.call<StudioDraw[]>("draw", { ids, options: of, count: DRAWS });
    drawnFor.value = key.value;
  };
  return (
    <Station name="draws-station" title={words.drawsTitle} note={words.drawsNote2}>
      <button type="button" onClick={() => draw().catch(report)} disabled={!model.value || !switches.draws.value}>
        {fill(words.draw, DRAWS)}
      </button>
      {drawn.value && isDrawn.value && <Frequencies drawn={drawn.value} />}
    </Station>
  );
}

/** The frequency of each token beside its probability. */
function Frequencies({ drawn }: { drawn: readonly StudioDraw[] }) {
  const counts = new Map(drawn.map(({ id, count }) => [id, count]));
  const possible = shownStep.value?.candidates.filter(({ probability }) => probability > 0) ?? [];
  const rows = possible.map(({ id, token, probability }) => ({
    label: token,
    value: (counts.get(id) ?? 0) / DRAWS,
    line: probability,
    note: percent(probability),
  }));
  return <Bars rows={rows} name={say.value.options.drawsTitle} />;
}

/** The same prompt continued greedily and at random. */
function SideBySide() {
  const { options: words } = say.value;
  const greedy = useSignal("");
  const length = useComputed(() => options.value.maxNewTokens);
  const seed = useComputed(() => options.value.seed);
  const shown = picture.value;
  const open = model.value;
  const [maxNewTokens, stops] = [length.value, switches.stops.value];
  useEffect(() => {
    if (!open || !shown || shown.model !== open.name) return;
    const of = libraryOptions({ ...neutralOptions, draws: 0, maxNewTokens, stops: Number(stops) });
    open
      .call<StudioGeneration>("generate", { ids: shown.generation.inputIds, options: of, candidates: 1 })
      .then(({ text }) => (greedy.value = text), report);
  }, [open, shown?.generation.inputIds.join(","), maxNewTokens, stops]);
  if (!shown) return null;
  return (
    <Station name="side-station" title={words.side}>
      <div class="side">
        <figure>
          <figcaption>{words.greedy}</figcaption>
          <p dir="auto">{greedy.value}</p>
        </figure>
        <figure>
          <figcaption>{fill(words.random, seed.value)}</figcaption>
          <p dir="auto">{shown.generation.text}</p>
        </figure>
      </div>
    </Station>
  );
}
