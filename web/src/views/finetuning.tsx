import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { visibleToken } from "../../../src/explain/heat-map-svg.ts";
import type { Outcome } from "../../../src/explain/index.ts";
import type { StudioGeneration } from "../../../src/studio/generation.ts";
import type { StudioAnswer, StudioRun } from "../../../src/studio/run.ts";
import { entries, readEntries } from "../engine.ts";
import { fill, percent, say } from "../i18n/index.ts";
import { report } from "../results.ts";
import { text } from "../state.ts";
import { figure } from "../ui/figure.ts";
import { LineChart } from "../ui/line-chart.tsx";
import { Bars, Intro, Station } from "../ui/parts.tsx";
import { useAnswer, useModel } from "../ui/use-answer.ts";

/** So often a run that goes on is read again. */
const PERIOD_MS = 1000;

/** The run as the page's host has it, read again until it has finished. */
function useRun(): StudioRun | null {
  const run = useSignal<StudioRun | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isLeft = false;
    const read = async (): Promise<void> => {
      const found = (await (await fetch("run.json")).json()) as StudioRun;
      if (isLeft) return;
      if (found.models && !entries.value.some(({ name }) => name === found.models?.after)) await readEntries();
      run.value = found;
      if (!found.finished) timer = setTimeout(() => read().catch(report), PERIOD_MS);
    };
    read().catch(report);
    return () => {
      isLeft = true;
      clearTimeout(timer);
    };
  }, []);
  return run.value;
}

/** A fine-tuning, live or recorded: its loss, its confusion, and answers before and after it. */
export function FinetuningView() {
  const { finetuning: words } = say.value;
  const shown = useRun();
  useEffect(() => {
    if (!shown) return;
    figure.value = {
      name: "fine-tuning",
      title: words.loss,
      rows: [words.train],
      columns: shown.train.map(([step]) => String(step)),
      values: shown.train.map(([, loss]) => loss),
      data: shown,
    };
  }, [shown, words]);
  return (
    <>
      <Intro text={words.intro} question={words.question} />
      {shown && !shown.finished && <p role="status">{words.running}</p>}
      {shown && (
        <>
          {shown.train.length > 0 && (
            <Station name="loss-station" title={words.loss}>
              <LineChart
                name={words.loss}
                x={words.step}
                y={words.loss}
                lines={[
                  { name: words.train, points: shown.train },
                  { name: words.held, points: shown.heldOut },
                ]}
              />
            </Station>
          )}
          {shown.confusion && <Confusion of={shown.confusion} />}
          <Samples of={shown} />
          {shown.models && <OwnText of={shown} models={shown.models} />}
          <p class="small">
            <code>{fill(words.recorded, shown.command)}</code>
          </p>
        </>
      )}
    </>
  );
}

function Confusion({ of: { labels, counts } }: { of: NonNullable<StudioRun["confusion"]> }) {
  const { finetuning: words } = say.value;
  return (
    <Station name="confusion-station" title={words.confusion} note={words.confusionNote}>
      <div class="scrolls" tabIndex={0} role="group" aria-label={words.confusion}>
        <table class="plain">
          <thead>
            <tr>
              <td />
              {labels.map((label) => (
                <th scope="col" key={label}>
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {counts.map((row, i) => (
              <tr key={labels[i]}>
                <th scope="row">{labels[i]}</th>
                {row.map((count, j) => (
                  <td key={labels[j]}>{count}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Station>
  );
}

/** The names of both sides: of an adapter, without and with it. */
function sidesOf({ adapter }: StudioRun): readonly [string, string] {
  const { finetuning: words } = say.value;
  return adapter ? [words.adapterOff, words.adapterOn] : [words.before, words.after];
}

function Samples({ of }: { of: StudioRun }) {
  const { finetuning: words } = say.value;
  const [left, right] = sidesOf(of);
  return (
    <Station name="samples-station" title={words.samples}>
      {of.samples.map(({ text, before, after, during }) => (
        <div class="sample-run" key={text}>
          <p class="quoted" dir="auto">
            {text}
          </p>
          <div class="side">
            <Answered name={left} answer={before} />
            <Answered name={right} answer={after} />
          </div>
          {during.length > 0 && <During of={during} name={`${words.during}: ${text}`} />}
        </div>
      ))}
    </Station>
  );
}

/** The answers on the way, a line an evaluation. */
function During({ of, name }: { of: StudioRun["samples"][number]["during"]; name: string }) {
  const { finetuning: words } = say.value;
  return (
    <div class="scrolls" tabIndex={0} role="group" aria-label={name}>
      <table class="plain during">
        <thead>
          <tr>
            <th scope="col">{words.step}</th>
            <th scope="col">{words.during}</th>
          </tr>
        </thead>
        <tbody>
          {of.map(({ step, answer }) => (
            <tr key={step}>
              <th scope="row">{step}</th>
              <td dir="auto">
                {typeof answer === "string"
                  ? visibleToken(answer)
                  : answer.map(([label, share]) => `${label} ${percent(share)}`).join(" · ")}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Answered({ name, answer }: { name: string; answer: StudioAnswer | null }) {
  return (
    <figure>
      <figcaption>{name}</figcaption>
      {typeof answer === "string" && <p dir="auto">{answer}</p>}
      {answer === null && <p>…</p>}
      {answer !== null && typeof answer !== "string" && (
        <Bars rows={answer.map(([label, value]) => ({ label, value }))} name={name} most={1} />
      )}
    </figure>
  );
}

/** A text of one's own, answered by both models. */
function OwnText({ of, models }: { of: StudioRun; models: NonNullable<StudioRun["models"]> }) {
  const { finetuning: words } = say.value;
  const [left, right] = sidesOf(of);
  const [before, after] = [useLiveAnswer(models.before), useLiveAnswer(models.after)];
  return (
    <Station name="own-station" title={words.own}>
      <label class="field">
        <span>{say.value.text}</span>
        <input
          type="text"
          dir="auto"
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </label>
      <div class="side">
        <Answered name={left} answer={before} />
        <Answered name={right} answer={after} />
      </div>
    </Station>
  );
}

/** As `answerOf` of the library answers. */
function useLiveAnswer(name: string): StudioAnswer | null {
  const open = useModel(name);
  const isAsked = text.value.trim() !== "";
  const classes = useAnswer<Outcome[]>(
    open?.facts.classes ? open : null,
    isAsked ? ["classify", { text: text.value }] : null,
  );
  const written = useAnswer<StudioGeneration>(
    open?.facts.generates && !open.facts.classes ? open : null,
    isAsked ? ["generate", { text: text.value, options: { doSample: false, maxNewTokens: 24 }, candidates: 1 }] : null,
  );
  if (classes) return classes.map(({ label, probability }) => [label, probability]);
  return written?.text ?? null;
}
