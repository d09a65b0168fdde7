import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { TokenPiece } from "../../../src/explain/index.ts";
import { entries } from "../engine.ts";
import { fill, say } from "../i18n/index.ts";
import { picture, promptLength } from "../results.ts";
import { otherModel } from "../state.ts";
import { figure } from "../ui/figure.ts";
import { LineChart } from "../ui/line-chart.tsx";
import { Bars, Choices, Intro, Station } from "../ui/parts.tsx";
import { useAnswer, useModel } from "../ui/use-answer.ts";

/** Accuracy by the number of examples, measured for each size. */
interface ShotsFigure {
  readonly questions: number;
  readonly shots: readonly number[];
  readonly models: readonly { readonly name: string; readonly right: readonly number[] }[];
}

/** Set by the build. */
declare const SHOTS: ShotsFigure;

/** The models that learn a task from the examples in their prompt, by size. */
const learners: readonly string[] = ["icl-small", "icl-medium", "icl-large"];

interface Task {
  readonly name: string;
  readonly examples: readonly (readonly [string, string])[];
  readonly question: string;
  readonly answer: string;
}

const tasks: readonly Task[] = [
  {
    name: "rain>R",
    examples: [
      ["rain", "R"],
      ["snow", "S"],
      ["cloud", "C"],
      ["storm", "S"],
      ["sun", "S"],
      ["fog", "F"],
    ],
    question: "wind",
    answer: "W",
  },
  {
    name: "rain>niar",
    examples: [
      ["rain", "niar"],
      ["snow", "wons"],
      ["sun", "nus"],
      ["fog", "gof"],
      ["hail", "liah"],
      ["mist", "tsim"],
    ],
    question: "wind",
    answer: "dniw",
  },
];

/** The context window as a budget, and examples added to a prompt one by one. */
export function WindowView() {
  const { window: words } = say.value;
  return (
    <>
      <Intro text={words.intro} question={words.question} />
      <Budget />
      <Shots />
      <Accuracy of={SHOTS} />
    </>
  );
}

function Budget() {
  const { window: words, picture: names } = say.value;
  const shown = picture.value;
  const all = shown?.facts.contextWindow ?? null;
  if (!shown) return null;
  const [prompt, answer] = [promptLength.value, shown.generation.steps.length];
  const rows = [
    { label: words.prompt, value: prompt },
    { label: words.answer, value: answer },
    ...(all === null ? [] : [{ label: words.free, value: all - prompt - answer }]),
  ];
  const joined = (tokens: readonly TokenPiece[]): string => tokens.map(({ token }) => token).join("");
  return (
    <Station
      name="budget-station"
      title={words.budget}
      note={all === null ? names.windowNone : fill(names.window, prompt + answer, all)}
    >
      <Bars rows={rows} name={words.budget} format={String} most={all ?? prompt + answer} />
      <p class="drawn-text small-text" dir="auto">
        <span class="before">{joined(shown.trace.tokens.slice(0, prompt))}</span>
        <strong>{shown.generation.text}</strong>
      </p>
    </Station>
  );
}

function shotsOf(count: number): string {
  const { window: words } = say.value;
  return count === 1 ? words.shotOne : fill(words.shot, count);
}

function Shots() {
  const { window: words } = say.value;
  const present = learners.filter((each) => entries.value.some(({ name }) => name === each));
  const name = present.includes(otherModel.value) ? otherModel.value : (present[0] ?? "");
  const hasLearner = present.length > 0;
  const learner = useModel(name);
  const chosen = useSignal(0);
  const task = tasks[chosen.value] as Task;
  const prompts = [...task.examples.keys(), task.examples.length].map((count) => {
    const lines = task.examples.slice(0, count).map(([from, to]) => `${from}>${to}\n`);
    return `${lines.join("")}${task.question}>`;
  });
  const pairs = prompts.map((context) => ({ context, continuation: `${task.answer}\n` }));
  const scores = useAnswer<number[]>(learner, ["score", { pairs }]);
  useEffect(() => {
    if (!scores) return;
    figure.value = {
      name: "examples-in-the-prompt",
      title: words.shots,
      rows: scores.map((_, count) => shotsOf(count)),
      columns: [task.answer],
      values: scores,
      data: { model: learner?.name, task, prompts, scores },
    };
  }, [scores, words]);
  return (
    <Station name="shots-station" title={words.shots} note={hasLearner ? words.shotsNote : words.shotsMissing}>
      {hasLearner && (
        <Choices
          name={words.size}
          all={present}
          chosen={name}
          label={(each) => each}
          onChoose={(each) => (otherModel.value = each)}
        />
      )}
      {hasLearner && (
        <Choices
          name={words.shots}
          all={tasks.map((_, i) => i)}
          chosen={chosen.value}
          label={(i) => tasks[i]?.name}
          onChoose={(i) => (chosen.value = i)}
        />
      )}
      {scores && (
        <>
          <Bars rows={scores.map((value, count) => ({ label: shotsOf(count), value }))} name={words.shots} most={1} />
          <pre class="card">{`${prompts.at(-1)}→ ${task.answer}`}</pre>
        </>
      )}
    </Station>
  );
}

/** The recorded curves: what further examples and a larger model bring. */
function Accuracy({ of }: { of: ShotsFigure }) {
  const { window: words } = say.value;
  return (
    <Station name="accuracy-station" title={words.accuracy} note={fill(words.accuracyNote, of.questions)}>
      <LineChart
        name={words.accuracy}
        x={words.examples}
        y={words.right}
        lines={of.models.map(({ name, right }) => ({
          name,
          points: right.map((share, i) => [of.shots[i] as number, share]),
        }))}
      />
    </Station>
  );
}
