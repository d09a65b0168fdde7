import { useEffect } from "preact/hooks";
import type { TokenInfluence } from "../../../src/explain/index.ts";
import { entries } from "../engine.ts";
import { fill, say } from "../i18n/index.ts";
import { text } from "../state.ts";
import { figure } from "../ui/figure.ts";
import { LineChart } from "../ui/line-chart.tsx";
import { Intro, Station, TokenStrip } from "../ui/parts.tsx";
import { useAnswer, useModel } from "../ui/use-answer.ts";

const LENGTHS = [1, 64, 128, 256, 512];

/** Recall at a distance, as docs/rnn-vs-transformer/recall.json has it. */
interface RecallFigure {
  /** The tokens between a key and its second occurrence, and one more. */
  readonly distances: readonly number[];
  /** The longest that any model was trained on. */
  readonly trainedUpTo: number;
  /** Right values in percent, by distance: the mean of the seeds. */
  readonly models: readonly { readonly name: string; readonly right: readonly number[] }[];
}

/** Put in by web/build.mjs; null where nothing has been measured. */
declare const RECALL: RecallFigure | null;

/** A recurrent model and a transformer: how far back each feels a token, and what each keeps. */
export function MemoryView() {
  const { memory: words } = say.value;
  const names = entries.value.map(({ name }) => name);
  const transformer = useModel(names.includes("stories") ? "stories" : "");
  const recurrent = useModel(names.includes("stories-gru") ? "stories-gru" : "");
  const asked = text.value.trim() === "" ? null : { text: text.value };
  const ofTransformer = useAnswer<TokenInfluence>(transformer, asked && ["influence", asked]);
  const target = ofTransformer?.target.id;
  const ofRecurrent = useAnswer<TokenInfluence>(
    recurrent,
    asked && target !== undefined ? ["influence", { ...asked, target }] : null,
  );
  const both = ofTransformer && ofRecurrent ? [ofTransformer, ofRecurrent] : null;
  useEffect(() => {
    if (!both) return;
    figure.value = {
      name: "influence-by-distance",
      title: words.influence,
      rows: [words.transformer, words.rnn],
      columns: (ofTransformer?.tokens ?? []).map(({ token }) => token),
      values: both.flatMap(({ tokens }) => tokens.map(({ influence }) => influence)),
      data: { transformer: ofTransformer, recurrent: ofRecurrent },
    };
  }, [ofTransformer, ofRecurrent, words]);
  if (!names.includes("stories") || !names.includes("stories-gru"))
    return <Intro text={words.intro} question={words.question} />;
  const points = ({ tokens }: TokenInfluence): (readonly [number, number])[] =>
    tokens.map(({ influence }, i) => [tokens.length - i, Math.abs(influence)]);
  return (
    <>
      <Intro text={words.intro} question={words.question} />
      {both && (
        <Station name="influence-station" title={words.influence} note={words.influenceNote}>
          <Tinted of={ofTransformer} name={words.transformer} />
          <Tinted of={ofRecurrent} name={words.rnn} />
          <LineChart
            name={words.influence}
            x={words.distance}
            y={words.influence}
            lines={[
              { name: words.transformer, points: points(ofTransformer as TokenInfluence) },
              { name: words.rnn, points: points(ofRecurrent as TokenInfluence) },
            ]}
          />
        </Station>
      )}
      {transformer && recurrent && <Cost transformer={transformer.facts} recurrent={recurrent.facts} />}
      <Recall of={RECALL} />
    </>
  );
}

function Tinted({ of, name }: { of: TokenInfluence | null; name: string }) {
  if (!of) return null;
  const most = Math.max(...of.tokens.map(({ influence }) => Math.abs(influence)), 1e-9);
  return (
    <>
      <p class="small">{`${name} → “${of.target.label}”`}</p>
      <TokenStrip tokens={of.tokens} tint={of.tokens.map(({ influence }) => influence / most)} showsIds={false} />
    </>
  );
}

function Recall({ of }: { of: RecallFigure | null }) {
  const { memory: words } = say.value;
  if (!of) return <p class="small">{words.recall}</p>;
  return (
    <Station name="recall-station" title={words.recallTitle} note={fill(words.recallNote, of.trainedUpTo)}>
      <LineChart
        name={words.recallTitle}
        x={words.distance}
        y={words.right}
        isLog
        lines={of.models.map(({ name, right }) => ({
          name,
          points: right.map((share, i) => [of.distances[i] as number, share]),
        }))}
      />
    </Station>
  );
}

type Facts = NonNullable<ReturnType<typeof useModel>>["facts"];

/** The numbers that each keeps from token to token, from the sizes of the models. */
function Cost({ transformer, recurrent }: { transformer: Facts; recurrent: Facts }) {
  const { memory: words } = say.value;
  const [perToken, state] = [transformer.numbersPerToken, recurrent.numbersOfState];
  return (
    <Station name="cost-station" title={words.cost} note={fill(words.costNote, state, perToken)}>
      <LineChart
        name={words.cost}
        x={words.length}
        y={words.kept}
        lines={[
          { name: words.transformer, points: LENGTHS.map((length) => [length, length * perToken]) },
          { name: words.rnn, points: LENGTHS.map((length) => [length, state]) },
        ]}
      />
    </Station>
  );
}
