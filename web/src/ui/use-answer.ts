import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isListed, type OpenModel, openModel } from "../engine.ts";
import { afterPause, failure, model, report, running } from "../results.ts";

/** So long the page waits for the next letter before it asks the model. */
const PAUSE_MS = 150;

/**
 * The answer of a model to what a view asks, computed anew when the question changes; null until it is there, where there is
 * no question, and where it failed.
 *
 * @param question what is asked, as JSON; null: nothing
 */
export function useAnswer<T>(
  open: OpenModel | null,
  question: readonly [call: string, args: Record<string, unknown>] | null,
): T | null {
  const answer = useSignal<T | null>(null);
  const key = JSON.stringify(question);
  useEffect(() => {
    if (!question) answer.value = null;
    if (!open || !question) return;
    let isStale = false;
    const ask = async (): Promise<void> => {
      try {
        const found = await open.call<T>(...question);
        if (isStale) return;
        if (!failure.value?.isOfPicture) failure.value = null;
        answer.value = found;
      } catch (error) {
        if (isStale) return;
        answer.value = null;
        report(error);
      }
    };
    const takeBack = afterPause(PAUSE_MS, ask);
    return () => {
      isStale = true;
      takeBack();
    };
  }, [open, key]);
  return question && answer.value; // the effect that forgets an answer runs after what is drawn now
}

/** A model by its name, beside the page's own; null until it is open. */
export function useModel(name: string): OpenModel | null {
  const other = useSignal<OpenModel | null>(null);
  const isOwn = model.value?.name === name;
  const isThere = isListed(name); // a link may name one that there is not, or not yet
  useEffect(() => {
    other.value = null;
    if (isOwn || !isThere) return;
    let isStale = false;
    running.value = running.peek() + 1;
    openModel(name)
      .then(
        (open) => {
          if (!isStale) other.value = open;
        },
        (error) => {
          if (!isStale) report(error);
        },
      )
      .finally(() => {
        running.value = running.peek() - 1;
      });
    return () => {
      isStale = true;
    };
  }, [name, isOwn, isThere]);
  return isOwn ? model.value : other.value;
}
