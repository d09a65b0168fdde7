import { effect } from "@preact/signals";
import { languages } from "./i18n/index.ts";
import {
  comparison,
  comparisons,
  DEFAULT_TEXT,
  defaultOptions,
  head,
  language,
  layer,
  modelName,
  type OptionName,
  options,
  otherLayer,
  otherModel,
  otherText,
  step,
  text,
  theme,
  view,
  views,
  word,
} from "./state.ts";

const isOneOf = <T extends string>(all: readonly T[], value: string | null): value is T => all.includes(value as T);

const natural = (value: string | null): number => {
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 0 ? number : 0;
};

/** The address as it was last read or written; another one is a link that was just opened. */
let known = "";

/** Reads the state that a link names; what it does not name, or names wrongly, keeps its default. Returns the wrong names. */
export function readLink(hash: string): string[] {
  known = hash;
  const wrong: string[] = [];
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const take = (name: string, accept: (value: string) => boolean): void => {
    const value = fields.get(name);
    if (value !== null && !accept(value)) wrong.push(name);
  };
  const set = (run: () => void): boolean => {
    run();
    return true;
  };
  take("view", (value) => isOneOf(views, value) && set(() => (view.value = value)));
  take("lang", (value) => isOneOf(languages, value) && set(() => (language.value = value)));
  take("theme", (value) => isOneOf(["light", "dark"] as const, value) && set(() => (theme.value = value)));
  take("model", (value) => set(() => (modelName.value = value)));
  take("other", (value) => set(() => (otherModel.value = value)));
  take("text", (value) => set(() => (text.value = value)));
  take("text2", (value) => set(() => (otherText.value = value)));
  take("word", (value) => set(() => (word.value = value)));
  take("kind", (value) => isOneOf(comparisons, value) && set(() => (comparison.value = value)));
  take("options", (value) => {
    const given = { ...defaultOptions };
    for (const pair of value.split(",").filter(Boolean)) {
      const [name, number] = pair.split(":") as [OptionName, string];
      if (!Object.hasOwn(given, name) || !Number.isFinite(Number(number))) return false;
      given[name] = Number(number);
    }
    options.value = given;
    return true;
  });
  for (const [name, signal] of Object.entries({ step, layer, layer2: otherLayer, head }))
    take(name, (value) => /^\d{1,6}$/.test(value) && set(() => (signal.value = natural(value))));
  return wrong;
}

/** The link that restores the state. */
export function linkOf(): string {
  const changed = Object.entries(options.value).filter(([name, value]) => defaultOptions[name as OptionName] !== value);
  const fields = new URLSearchParams({
    view: view.value,
    ...(modelName.value && { model: modelName.value }),
    ...(otherModel.value && { other: otherModel.value }),
    ...(text.value !== DEFAULT_TEXT && { text: text.value }),
    ...(otherText.value && { text2: otherText.value }),
    ...(word.value && { word: word.value }),
    ...(changed.length > 0 && { options: changed.map((pair) => pair.join(":")).join(",") }),
    ...(step.value > 0 && { step: String(step.value) }),
    ...((layer.value > 0 || view.value === "translation") && { layer: String(layer.value) }),
    ...(head.value > 0 && { head: String(head.value) }),
    ...(view.value === "compare" && comparison.value !== "prompts" && { kind: comparison.value }),
    ...(otherLayer.value !== null && { layer2: String(otherLayer.value) }),
    lang: language.value,
    theme: theme.value,
  });
  return `#${fields}`;
}

/** So long the address waits for the state to rest: browsers limit how often it may change, and draw the page's icon anew each time. */
const REST_MS = 150;

/** Keeps the address in step with the state. */
export function followState(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const link = linkOf();
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (location.hash !== known || known === link) return;
      history.replaceState(null, "", link);
      known = location.hash;
    }, REST_MS);
  });
}
