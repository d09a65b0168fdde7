import { check, LecternError } from "../../common/index.ts";
import { type GenerationOptions, TokenConstraint } from "../../generation/index.ts";
import { restrictGrammar, Vocabulary } from "../../grammar/index.ts";
import { type Tokenizer, tokenBytes } from "../../tokenizers/index.ts";
import { sourceKey } from "./compiled-sources.ts";
import type { CompiledSource } from "./grammar-source.ts";

/** So many automata are kept, those that were used last. */
const MOST_KEPT = 16;

/** The forms of texts at work on one model's tokens. */
export class Constraints {
  readonly #tokenizer: Tokenizer | undefined;
  readonly #kept = new Map<string, TokenConstraint>();
  #vocabulary: Vocabulary | undefined;

  constructor(tokenizer: Tokenizer | undefined) {
    this.#tokenizer = tokenizer;
  }

  /** @throws LecternError where the model's tokens cannot write such a text */
  of(source: CompiledSource): TokenConstraint {
    const key = sourceKey(source);
    const constraint = this.#kept.get(key) ?? this.#create(source);
    this.#kept.delete(key);
    this.#kept.set(key, constraint);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return constraint;
  }

  #create({ option, grammar }: CompiledSource): TokenConstraint {
    const tokenizer = this.#tokenizer;
    if (!tokenizer) throw new LecternError("input", `generation: ${option} needs the model's tokenizer`);
    if (!this.#vocabulary) {
      const { inside, first } = tokenBytes(tokenizer);
      this.#vocabulary = new Vocabulary(inside, first);
    }
    const alphabet = this.#vocabulary.alphabet();
    return new TokenConstraint(option, alphabet ? restrictGrammar(grammar, alphabet) : grammar, this.#vocabulary);
  }
}

/**
 * The options of a generation whose text has a form; those that would write beside it are refused.
 * @param given the options of the caller; the checkpoint's forced end is left out, since it would break the text off
 */
export function constrainedOptions(
  option: "schema" | "regex",
  options: GenerationOptions,
  given: GenerationOptions,
): GenerationOptions {
  for (const name of ["tokenHealing", "forcedEosTokenId", "forcedBosTokenId"] as const)
    check(
      given[name] === undefined || given[name] === false,
      "usage",
      () => `generation: ${option} and ${name} do not go together: leave one out`,
    );
  check(
    [options.eosTokenId ?? []].flat().length > 0,
    "usage",
    () => `generation: ${option} needs an end token, which says that the text is complete: give eosTokenId`,
  );
  const { forcedEosTokenId, tokenHealing, ...rest } = options;
  return rest;
}
