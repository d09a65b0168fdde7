import { bleu, chrf, rouge } from "../metrics/index.ts";
import type { Outcome } from "../tasks/outcome.ts";
import type { Task } from "../tasks/task.ts";

/** The settings of a task's BLEU and chrF, as sacreBLEU writes them. */
export function signaturesOf({ metrics }: Task, [first]: readonly Outcome[]): Record<string, string> {
  if (first?.output !== "generate_until") return {};
  const { right } = first;
  return Object.fromEntries(
    metrics.flatMap(({ name, settings: { tokenize, lowercase } }): [string, string][] => {
      if (name === "bleu")
        return [[name, bleu([""], [right], { tokenizer: tokenize as "13a", lowercase: lowercase === true }).signature]];
      if (name !== "chrf" && name !== "chrf++") return [];
      return [[name, chrf([""], [right], { wordOrder: name === "chrf" ? 0 : 2 }).signature]];
    }),
  );
}

/** The warning of ROUGE, where its default tokenizer finds no word in a text. */
export function rougeWarnings({ metrics }: Task, outcomes: readonly Outcome[]): string[] {
  const warnings = new Set<string>();
  if (!metrics.some(({ name, settings }) => name.startsWith("rouge") && settings.tokenizer !== "unicode")) return [];
  for (const outcome of outcomes)
    if (outcome.output === "generate_until")
      rouge(outcome.answer, outcome.right, { onWarning: (message) => warnings.add(message) });
  return [...warnings];
}
