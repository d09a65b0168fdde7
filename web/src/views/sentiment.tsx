import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { InfluenceMethod, Outcome, TokenInfluence } from "../../../src/explain/index.ts";
import { fill, say } from "../i18n/index.ts";
import { model } from "../results.ts";
import { text } from "../state.ts";
import { figure } from "../ui/figure.ts";
import { Bars, Choices, Intro, Station, TokenStrip, Unfit } from "../ui/parts.tsx";
import { useAnswer } from "../ui/use-answer.ts";

/** A text's class, and what each token adds to it. */
export function SentimentView() {
  const { sentiment: words, errors } = say.value;
  const open = model.value;
  const method = useSignal<InfluenceMethod>("leave-one-out");
  const target = useSignal<number | null>(null);
  const isFit = open !== null && open.facts.classes !== null;
  const asked = text.value.trim() === "" ? null : { text: text.value };
  const classes = useAnswer<Outcome[]>(open, isFit && asked ? ["classify", asked] : null);
  const influence = useAnswer<TokenInfluence>(
    open,
    isFit && asked
      ? ["influence", { ...asked, method: method.value, ...(target.value !== null && { target: target.value }) }]
      : null,
  );
  useEffect(() => {
    if (!influence) return;
    figure.value = {
      name: "influence",
      title: fill(words.speaksFor, influence.target.label),
      rows: influence.tokens.map(({ token }) => token),
      columns: [method.value],
      values: influence.tokens.map(({ influence }) => influence),
      data: { text: text.value, classes, influence },
    };
  }, [influence, words]);
  if (open && !isFit) return <Unfit text={errors.needsClassifier} />;
  return (
    <>
      <Intro text={words.intro} question={words.question} />
      {classes && (
        <Bars
          rows={classes.map(({ label, probability, id }) => ({
            label,
            value: probability,
            mark: id === influence?.target.id,
          }))}
          name={words.explained}
          most={1}
        />
      )}
      <div class="choices">
        <Choices
          name={words.method}
          all={["leave-one-out", "gradient-x-input"] as const}
          chosen={method.value}
          label={(each) => (each === "leave-one-out" ? words.leaveOneOut : words.gradient)}
          onChoose={(each) => (method.value = each)}
        />
        <label class="field">
          <span class="hidden">{words.explained}</span>
          <select
            value={String(target.value ?? influence?.target.id ?? 0)}
            onChange={(event) => (target.value = Number(event.currentTarget.value))}
          >
            {(open?.facts.classes ?? []).map((name, id) => (
              <option key={name} value={id}>
                {fill(words.speaksFor, name)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {influence && <Influence of={influence} />}
    </>
  );
}

/** With two digits, and no sign before zero. */
function signed(value: number): string {
  return (Math.abs(value) < 0.005 ? 0 : value).toFixed(2);
}

/** Tokens coloured by their influence, and the same as bars. */
export function Influence({ of }: { of: TokenInfluence }) {
  const { sentiment: words } = say.value;
  const most = Math.max(...of.tokens.map(({ influence }) => Math.abs(influence)), 1e-9);
  return (
    <Station name="influence-station" title={words.influence} note={words.note}>
      <TokenStrip tokens={of.tokens} tint={of.tokens.map(({ influence }) => influence / most)} showsIds={false} />
      <ul class="legend signs">
        <li>{fill(words.speaksFor, of.target.label)}</li>
        <li class="second">{fill(words.speaksAgainst, of.target.label)}</li>
      </ul>
      <Bars
        rows={of.tokens
          .filter(({ isSpecial }) => !isSpecial)
          .map(({ token, influence }) => ({ label: token, value: influence }))}
        name={words.influence}
        format={signed}
        most={most}
      />
    </Station>
  );
}
