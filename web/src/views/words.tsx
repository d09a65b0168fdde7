import { useEffect } from "preact/hooks";
import type { WordSimilarity } from "../../../src/explain/index.ts";
import { fill, say } from "../i18n/index.ts";
import { model } from "../results.ts";
import { otherText, text, word } from "../state.ts";
import { figure } from "../ui/figure.ts";
import { Bars, Intro, Station, Unfit } from "../ui/parts.tsx";
import { useAnswer } from "../ui/use-answer.ts";

/** One word in two texts: how alike its vectors are after each layer. */
export function WordsView() {
  const { words } = say.value;
  const open = model.value;
  const texts = [text.value, otherText.value];
  const isAskable = word.value !== "" && texts.every((each) => each.includes(word.value));
  const layers = useAnswer<WordSimilarity[]>(open, isAskable ? ["words", { texts, word: word.value }] : null);
  const nameOf = (layer: number): string => (layer === 0 ? words.start : fill(words.layer, layer));
  useEffect(() => {
    if (!layers) return;
    figure.value = {
      name: "one-word-two-contexts",
      title: `${words.similarity}: ${word.value}`,
      rows: layers.map(({ layer }) => nameOf(layer)),
      columns: [words.similarity],
      values: layers.map(({ similarity }) => similarity),
      data: { texts, word: word.value, layers },
    };
  }, [layers, words]);
  const fields = [
    [words.first, text],
    [words.second, otherText],
    [words.word, word],
  ] as const;
  return (
    <>
      <Intro text={words.intro} question={words.question} />
      <div class="fields">
        {fields.map(([name, field]) => (
          <label class="field" key={name}>
            <span>{name}</span>
            <input
              type="text"
              dir="auto"
              value={field.value}
              onInput={(event) => (field.value = event.currentTarget.value)}
            />
          </label>
        ))}
      </div>
      {!isAskable && <Unfit text={words.missing} />}
      {layers && (
        <Station name="words-station" title={words.similarity}>
          <Bars
            rows={layers.map(({ layer, similarity }) => ({ label: nameOf(layer), value: similarity }))}
            name={words.similarity}
            format={(value) => value.toFixed(3)}
            most={1}
          />
        </Station>
      )}
    </>
  );
}
