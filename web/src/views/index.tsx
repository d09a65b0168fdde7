import type { FunctionComponent } from "preact";
import { say } from "../i18n/index.ts";
import { model } from "../results.ts";
import { text, type ViewName } from "../state.ts";
import { Unfit } from "../ui/parts.tsx";
import { Prompt } from "../ui/prompt.tsx";
import { CompareView } from "./compare.tsx";
import { FinetuningView } from "./finetuning.tsx";
import { HeadsView } from "./heads.tsx";
import { LifecycleView } from "./lifecycle.tsx";
import { MemoryView } from "./memory.tsx";
import { OptionsView } from "./options.tsx";
import { PictureView } from "./picture.tsx";
import { SentimentView } from "./sentiment.tsx";
import { ShapesView } from "./shapes.tsx";
import { TranslationView } from "./translation.tsx";
import { WindowView } from "./window.tsx";
import { WordsView } from "./words.tsx";

/** A view under the form that gives it a model and, if it reads one, a text. */
const prompted =
  (View: FunctionComponent, hasText = true, needsText = hasText): FunctionComponent =>
  () => {
    const { errors } = say.value;
    const hasNoTokenizer = model.value?.facts.hasTokenizer === false;
    const isEmpty = needsText && text.value.trim() === "";
    return (
      <>
        <Prompt hasText={hasText} />
        {hasNoTokenizer ? <Unfit text={errors.noTokenizer} /> : isEmpty ? <Unfit text={errors.empty} /> : <View />}
      </>
    );
  };

/** The component of each view. */
export const viewTable: Readonly<Record<ViewName, FunctionComponent>> = {
  picture: prompted(PictureView),
  options: prompted(OptionsView),
  memory: prompted(MemoryView),
  words: prompted(WordsView, false),
  heads: prompted(HeadsView),
  shapes: ShapesView,
  translation: prompted(TranslationView),
  sentiment: prompted(SentimentView),
  window: prompted(WindowView, true, false),
  finetuning: FinetuningView,
  lifecycle: LifecycleView,
  compare: prompted(CompareView),
};
