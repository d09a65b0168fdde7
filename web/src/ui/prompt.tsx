import { entries } from "../engine.ts";
import { fill, say } from "../i18n/index.ts";
import { model } from "../results.ts";
import { head, layer, modelName, pinned, step, text, view } from "../state.ts";
import { viewSettings } from "../views/settings.ts";

/** The model and the text of a view, with texts that show something. */
export function Prompt({ hasText }: { hasText: boolean }) {
  const words = say.value;
  const { models, samples: gallery } = viewSettings[view.value];
  const known = entries.value.filter(
    ({ name, url }) => url === undefined || models.length === 0 || models.includes(name) || name === modelName.value,
  );
  return (
    <form class="prompt" onSubmit={(event) => event.preventDefault()}>
      <label>
        <span>{words.model}</span>
        <select value={modelName.value} onChange={(event) => chooseModel(event.currentTarget.value)}>
          {known.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {hasText && (
        <label class="wide">
          <span>{view.value === "picture" ? words.picture.prompt : words.text}</span>
          <textarea
            dir="auto"
            rows={2}
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
              step.value = 0;
              pinned.value = null;
            }}
          />
        </label>
      )}
      {model.value && <p class="small">{factsText()}</p>}
      {hasText && gallery.length > 0 && (
        <p class="gallery">
          <span class="small">{words.texts}</span>
          {gallery.map((sample) => (
            <button
              type="button"
              class="sample"
              key={sample}
              onClick={() => {
                text.value = sample;
                step.value = 0;
                pinned.value = null;
              }}
            >
              {sample}
            </button>
          ))}
        </p>
      )}
    </form>
  );
}

function chooseModel(name: string): void {
  modelName.value = name;
  step.value = 0;
  layer.value = 0;
  head.value = 0;
  pinned.value = null;
}

function factsText(): string {
  const { facts } = model.value as NonNullable<typeof model.value>;
  const millions = (facts.parameterCount / 1e6).toFixed(1);
  return facts.heads > 0
    ? fill(say.value.facts, facts.family, millions, facts.layers, facts.heads)
    : fill(say.value.factsPlain, facts.family, millions, facts.layers);
}
