import type { ChoiceOutcome, Outcome } from "../tasks/outcome.ts";
import type { Target, Task } from "../tasks/task.ts";
import type { Item } from "./items.ts";
import type { PairScore, Response } from "./responses.ts";

/** The outcomes of an item, by the name of the filter that its answers passed. */
export function outcomesOf(task: Task, item: Item, response: Response): ReadonlyMap<string, Outcome> {
  const { scores = [], answers = [] } = response;
  if (task.output === "generate_until") {
    const right = rightTexts(item);
    return new Map(
      task.filters.map(({ name, apply }) => [name, { output: "generate_until", answer: apply(answers), right }]),
    );
  }
  return new Map(task.filters.map(({ name }) => [name, scored(task, item, scores)]));
}

function scored(task: Task, item: Item, scores: readonly PairScore[]): Outcome {
  const first = scores[0] as PairScore;
  if (task.output === "multiple_choice") return choiceOutcome(task, item, scores);
  if (task.output === "loglikelihood")
    return { output: "loglikelihood", logLikelihood: first.logLikelihood, isGreedy: first.isGreedy };
  const text = item.text ?? "";
  return {
    output: "loglikelihood_rolling",
    logLikelihood: first.logLikelihood,
    words: text.split(/\p{White_Space}+/u).length,
    bytes: new TextEncoder().encode(text).length,
    tokens: first.tokens,
  };
}

function choiceOutcome({ metrics, contentFree }: Task, item: Item, scores: readonly PairScore[]): ChoiceOutcome {
  const { choices, right } = item;
  const groups: PairScore[][] = [];
  for (let at = 0; at < scores.length; at += choices.length) groups.push(scores.slice(at, at + choices.length));
  const own = groups.shift() as PairScore[];
  const logs = (group: readonly PairScore[]): number[] => group.map(({ logLikelihood }) => logLikelihood);
  const unconditional = metrics.some(({ name }) => name === "acc_mutual_info") ? groups.shift() : undefined;
  return {
    output: "multiple_choice",
    choices,
    logLikelihoods: logs(own),
    tokens: own.map(({ tokens }) => tokens),
    isGreedy: own.map(({ isGreedy }) => isGreedy),
    ...(unconditional && { unconditional: logs(unconditional) }),
    ...(contentFree.length > 0 && { contentFree: groups.map(logs) }),
    right: rightChoices(right, choices),
  };
}

/** The indices of the right choices; −1 for what is none of them. */
export function rightChoices(right: Target, choices: readonly string[]): number[] {
  return [right].flat().map((own) => {
    if (typeof own === "string") return choices.indexOf(own);
    return own !== null && own >= 0 && own < choices.length ? own : -1;
  });
}

function rightTexts({ right, choices }: Item): string[] {
  const all = [right].flat();
  if (choices.length > 0 && !Array.isArray(right)) return [choices[Number(right)] ?? String(right)];
  return all.map((own) => (own === null ? "None" : String(own)));
}
