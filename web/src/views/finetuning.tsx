import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { fill, say } from "../i18n/index.ts";
import { report } from "../results.ts";
import { figure } from "../ui/figure.ts";
import { LineChart } from "../ui/line-chart.tsx";
import { Bars, Intro, Station } from "../ui/parts.tsx";

/** A run of `lectern finetune`, as web/record-run.mjs records it. */
interface RecordedRun {
  readonly command: string;
  readonly train: readonly (readonly [step: number, loss: number])[];
  readonly heldOut: readonly (readonly [step: number, loss: number])[];
  readonly samples: readonly {
    readonly text: string;
    readonly before: readonly (readonly [label: string, probability: number])[];
    readonly after: readonly (readonly [label: string, probability: number])[];
  }[];
}

/** A recorded fine-tuning: its loss, and answers with the adapter off and on. */
export function FinetuningView() {
  const { finetuning: words } = say.value;
  const run = useSignal<RecordedRun | null>(null);
  useEffect(() => {
    fetch("run.json")
      .then((response) => response.json())
      .then((found: RecordedRun) => (run.value = found), report);
  }, []);
  const shown = run.value;
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
      {shown && (
        <>
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
          <Station name="samples-station" title={words.samples}>
            {shown.samples.map(({ text, before, after }) => (
              <div class="sample-run" key={text}>
                <p class="quoted">{text}</p>
                <div class="side">
                  {([before, after] as const).map((outcomes, i) => (
                    <figure key={i === 0 ? "before" : "after"}>
                      <figcaption>{i === 0 ? words.before : words.after}</figcaption>
                      <Bars
                        rows={outcomes.map(([label, value]) => ({ label, value }))}
                        name={i === 0 ? words.before : words.after}
                        most={1}
                      />
                    </figure>
                  ))}
                </div>
              </div>
            ))}
          </Station>
          <p class="small">
            <code>{fill(words.recorded, shown.command)}</code>
          </p>
        </>
      )}
    </>
  );
}
