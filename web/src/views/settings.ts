import { batch } from "@preact/signals";
import { entries } from "../engine.ts";
import { wrongNames } from "../results.ts";
import {
  comparison,
  DEFAULT_TEXT,
  defaultOptions,
  head,
  layer,
  modelName,
  options,
  otherLayer,
  otherModel,
  otherText,
  pinned,
  step,
  text,
  type ViewName,
  view,
  word,
} from "../state.ts";
import { figure } from "../ui/figure.ts";

/** What a view begins with. */
interface ViewSettings {
  /** Bundled models that show it, the best first; none: any. */
  readonly models: readonly string[];
  /** Texts that show something. */
  readonly samples: readonly string[];
  readonly second?: string;
  readonly word?: string;
  /** The layer that it begins with; default the first. */
  readonly layer?: number;
}

const stories: readonly string[] = [
  DEFAULT_TEXT,
  "The bird can fly. The fish can",
  "Tom and Anna went to the wood. Tom was sad because Anna",
  "One day, one day, one day,",
];

const decoders: readonly string[] = ["stories", "stories-gru", "stories (int4)"];

export const viewSettings: Readonly<Record<ViewName, ViewSettings>> = {
  picture: { models: decoders, samples: stories },
  options: { models: decoders, samples: stories },
  memory: {
    models: ["stories"],
    samples: [
      "The king was called Hans. He had three sons, and one day the king said to the eldest: My name is",
      "The cat and the dog went into the wood. There they met a wolf. The wolf said to the",
    ],
  },
  words: { models: ["stories", "sentiment"], samples: ["The bird can fly"], second: "He ate the can", word: "can" },
  heads: {
    models: ["stories", "sentiment"],
    samples: [
      "The little fox saw the king. The little fox saw the",
      ...stories.slice(0, 1),
      "Not a good film, but a very good book.",
    ],
  },
  shapes: { models: [], samples: ["The dog sleeps in the house"], second: "The king had three [MASK]." },
  translation: {
    models: ["translate"],
    layer: 2,
    samples: [
      "The dog sleeps in the house.",
      "Where is the station?",
      "She has not read the old book.",
      "I would like to drink a cup of tea.",
    ],
  },
  sentiment: {
    models: ["sentiment"],
    samples: [
      "A joy to read from the first page to the last.",
      "The story is not good, and the end is terrible.",
      "I expected a bad book, but it was great.",
    ],
  },
  window: { models: [...decoders, "icl-small"], samples: stories },
  finetuning: { models: [], samples: [] },
  lifecycle: { models: [], samples: [] },
  compare: { models: [], samples: stories, second: "Once upon a time, there was a little boy named Tom. The little" },
};

const samples: ReadonlySet<string> = new Set(Object.values(viewSettings).flatMap((each) => each.samples));

/** Fields of a link: what they name keeps its value. */
type Field = "model" | "text" | "text2" | "word";

/** Gives a view the model and the texts that it begins with, unless someone chose others. */
export function settle(named: ReadonlySet<string> = new Set<Field>()): void {
  const { models, samples: own, second, word: given, layer: first } = viewSettings[view.value];
  const fitting = models.filter((name) => entries.value.some((entry) => entry.name === name));
  batch(() => {
    if (!named.has("model") && fitting.length > 0 && !models.includes(modelName.value))
      modelName.value = fitting[0] as string;
    if (!named.has("layer") && first !== undefined && named.size > 0) layer.value = first;
    const isTyped = text.value !== "" && !samples.has(text.value);
    if (!named.has("text") && own.length > 0 && !isTyped && !own.includes(text.value)) text.value = own[0] as string;
    if (!named.has("text2") && second !== undefined) otherText.value = second;
    if (!named.has("word") && given !== undefined) word.value = given;
  });
}

/** Leaves behind what belonged to a view. */
function leave(): void {
  figure.value = null;
  wrongNames.value = [];
  pinned.value = null;
  step.value = 0;
  head.value = 0;
  otherLayer.value = null;
  if (view.value === "window") otherModel.value = ""; // the size of its model
}

/** Sets all that a link may name, but language and theme, to what the page begins with. */
export function beginAnew(): void {
  batch(() => {
    leave();
    view.value = "picture";
    [modelName.value, otherModel.value] = ["", ""];
    [text.value, otherText.value, word.value] = [DEFAULT_TEXT, "", ""];
    comparison.value = "prompts";
    options.value = defaultOptions;
    layer.value = 0;
  });
}

/** Goes to a view, and leaves behind what belonged to the last. */
export function openView(name: ViewName): void {
  batch(() => {
    leave();
    view.value = name;
    layer.value = viewSettings[name].layer ?? 0;
    settle();
  });
}
