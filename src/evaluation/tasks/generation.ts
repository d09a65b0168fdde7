import { check, isListOf, shown } from "../../common/index.ts";
import type { RawConfig } from "./harness-config.ts";
import type { AnswerGeneration } from "./task.ts";

/** The number of tokens that an answer has at most where a task names none. */
const DEFAULT_TOKENS = 256;

/** The names of the number of new tokens, the first that is given counts. */
const LENGTHS = ["max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"] as const;

/** The generation of a task, as `generation_kwargs` asks for it; greedy by default. */
export function answerGeneration(kwargs: RawConfig | undefined, separator: string, path: string): AnswerGeneration {
  const { until: given = separator, ...rest } = kwargs ?? {};
  const until = Array.isArray(given) ? given : [given];
  check(
    isListOf(until, (text) => typeof text === "string"),
    "input",
    () => `${path}: generation_kwargs: until must be texts; got ${shown(given)}`,
  );
  const options: Record<string, unknown> = { ...rest };
  for (const name of LENGTHS) delete options[name];
  const maxTokens = LENGTHS.map((name) => rest[name]).find((value) => value !== undefined && value !== null);
  check(
    maxTokens === undefined || (Number.isSafeInteger(maxTokens) && Number(maxTokens) > 0),
    "input",
    () => `${path}: generation_kwargs: max_gen_toks must be a whole number above 0; got ${shown(maxTokens)}`,
  );
  const temperature = Number(options.temperature ?? 0);
  const samples = options.do_sample ?? temperature > 0;
  if (samples === false) delete options.temperature;
  return {
    until: (until as string[]).filter((text) => text !== ""),
    maxTokens: Number(maxTokens ?? DEFAULT_TOKENS),
    options: { ...options, do_sample: samples },
  };
}
