import { batch, computed, effect, signal } from "@preact/signals";
import type { LensPrediction } from "../../src/explain/index.ts";
import type { StudioGeneration } from "../../src/studio/generation.ts";
import type { StudioTrace } from "../../src/studio/trace.ts";
import { forgetModels, type OpenModel, openModel, PageError } from "./engine.ts";
import { libraryOptions, modelName, type Options, options, step, text, view } from "./state.ts";

/** The picture of one text: its generation, one pass over all of it, and the layers' predictions by step. */
export interface Picture {
  readonly model: string;
  readonly text: string;
  readonly facts: OpenModel["facts"];
  readonly generation: StudioGeneration;
  readonly trace: StudioTrace;
  /** By the position that predicts, the steps that have been looked at. */
  readonly lens: ReadonlyMap<number, readonly LensPrediction[]>;
}

export const model = signal<OpenModel | null>(null);
export const picture = signal<Picture | null>(null);
/** Names that a link had wrong, which stay told until the view changes. */
export const wrongNames = signal<readonly string[]>([]);
interface Failure {
  readonly key?: PageError["key"];
  readonly message: string;
  /** True of the picture's: it stays until its text has another answer, whatever else of a view succeeds. */
  readonly isOfPicture: boolean;
}

export const failure = signal<Failure | null>(null);
/** Calls that the model has not answered yet. */
export const running = signal(0);
export const busy = computed(() => running.value > 0);

/** Tokens before the first new one. */
export const promptLength = computed(() => picture.value?.generation.inputIds.length ?? 0);
/** The step once it has rested for a moment: what is out of sight follows it, so that a slider moves only what is seen. */
export const rested = signal(0);
/** The number of new tokens, which the steps go through. */
export const lastStep = computed(() => Math.max(0, (picture.value?.generation.steps.length ?? 1) - 1));
/** The position whose state predicts the next token. */
export const current = computed(() => promptLength.value - 1 + Math.min(step.value, lastStep.value));

/** Runs a task after a pause, in which the page already counts as busy. Returns how to take back one that has not begun. */
export function afterPause(milliseconds: number, task: () => Promise<void>): () => void {
  running.value = running.peek() + 1;
  const end = (): void => {
    running.value = running.peek() - 1;
  };
  let isWaiting = true;
  const timer = setTimeout(() => {
    isWaiting = false;
    task().finally(end);
  }, milliseconds);
  return () => {
    if (isWaiting) end();
    isWaiting = false;
    clearTimeout(timer);
  };
}

/** So long the page waits for the next letter, or the next position of a slider, before it asks the model. */
const PAUSE_MS = 120;

let latest = 0;

/** The number of times that the model was opened anew after its worker ended. */
const restarts = signal(0);

/** Opens the model anew. */
export function restart(): void {
  failure.value = null;
  restarts.value++;
}

/** Reports a failure in the page; a worker that ended is forgotten, so that `restart` starts another. */
export function report(error: unknown, isOfPicture = false): void {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof PageError) failure.value = { key: error.key, message, isOfPicture };
  else if (/worker|memory|terminated/i.test(message)) {
    forgetModels();
    model.value = null;
    failure.value = { key: "stopped", message, isOfPicture };
  } else failure.value = { message, isOfPicture };
}

/** Shows the picture that a task computes, unless a later one was begun; where it fails, no picture of another text stays. */
async function showLatest(task: () => Promise<Picture>): Promise<void> {
  const turn = ++latest;
  running.value++;
  try {
    const result = await task();
    if (turn === latest)
      batch(() => {
        failure.value = null;
        picture.value = result;
      });
  } catch (error) {
    if (turn === latest)
      batch(() => {
        picture.value = null;
        report(error, true);
      });
  } finally {
    running.value--;
  }
}

/** Generates, and runs the whole text through the model once. */
export async function compute(open: OpenModel, prompt: string, of: Options): Promise<Picture> {
  const generation = await open.call<StudioGeneration>("generate", {
    text: prompt,
    options: libraryOptions(of),
    candidates: 24,
  });
  const written = generation.steps.map(({ id }) => id);
  const ids = open.facts.startToken === null ? [...generation.inputIds, ...written.slice(0, -1)] : generation.inputIds;
  const decoderIds = open.facts.startToken === null ? null : [open.facts.startToken, ...written.slice(0, -1)];
  const positions = lensPositions(open.facts, generation);
  const trace = await open.call<StudioTrace>("trace", { ids, decoderIds, window: 64, positions, top: LENS_TOP });
  const lens = new Map(positions?.map((at) => [at, trace.lens.filter(({ position }) => position === at)]));
  return { model: open.name, text: prompt, facts: open.facts, generation, trace, lens };
}

const hasLens = ({ kind }: OpenModel["facts"]): boolean => kind === "decoder";

/** The tokens that the lens names for each layer and position. */
const LENS_TOP = 5;

/** The scores that the pass over a text brings for the lens, at most; the lens of later steps is computed when they are shown. */
const LENS_SCORES = 2 ** 19;

/** The positions whose lens comes with the pass over the text: the first steps', and no fewer than one. */
function lensPositions(facts: OpenModel["facts"], { inputIds, steps }: StudioGeneration): number[] | null {
  if (!hasLens(facts) || steps.length === 0) return null;
  const most = Math.max(1, Math.floor(LENS_SCORES / ((facts.layers + 1) * facts.vocabularySize)));
  return Array.from({ length: Math.min(steps.length, most) }, (_, i) => inputIds.length - 1 + i);
}

async function addLens(of: Picture, position: number, open: OpenModel): Promise<void> {
  const written = of.generation.steps.map(({ id }) => id);
  const ids = [...of.generation.inputIds, ...written].slice(0, position + 1);
  const lens = await open.call<LensPrediction[]>("lens", { ids, positions: [position], top: LENS_TOP });
  const now = picture.value;
  if (now?.generation === of.generation) picture.value = { ...now, lens: new Map(now.lens).set(position, lens) };
}

/** Keeps the model and the picture in step with the state. */
export function followResults(): void {
  effect(() => {
    const [name] = [modelName.value, restarts.value];
    if (name === "") return;
    model.value = null;
    openModel(name).then(
      (open) => {
        if (modelName.value !== name) return;
        failure.value = null;
        model.value = open;
      },
      (error) => {
        if (modelName.value === name) report(error);
      },
    );
  });
  let takeBack = (): void => {};
  let before: OpenModel | null = null;
  effect(() => {
    const [open, prompt, of] = [model.value, text.value, options.value];
    const isReady = open?.facts.generates === true && open.facts.hasTokenizer && prompt.trim() !== "";
    const wants = view.value === "picture" || view.value === "options" || view.value === "window";
    takeBack();
    takeBack = () => {};
    if (wants && prompt.trim() === "") {
      latest++;
      picture.value = null;
      if (open) failure.value = null;
    }
    if (!wants && failure.peek()?.isOfPicture) failure.value = null;
    if (!open || !wants || !isReady) return;
    const task = () => showLatest(() => compute(open, prompt, of));
    takeBack = afterPause(open === before ? PAUSE_MS : 0, task); // a model that was just opened waits for nobody
    before = open;
  });
  let rest: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const to = step.value;
    clearTimeout(rest);
    rest = setTimeout(() => (rested.value = to), PAUSE_MS);
  });
  let takeLensBack = (): void => {};
  effect(() => {
    const [open, shown, position] = [model.value, picture.value, current.value];
    takeLensBack();
    takeLensBack = () => {};
    const isShown = view.value === "picture" && open !== null && shown !== null && shown.model === open.name;
    if (isShown && hasLens(shown.facts) && position >= 0 && !shown.lens.has(position))
      takeLensBack = afterPause(PAUSE_MS, () => addLens(shown, position, open).catch(report));
  });
}
