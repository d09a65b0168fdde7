import { LecternError } from "../common/index.ts";
import { Automaton, type Grammar, type State, type Vocabulary } from "../grammar/index.ts";
import { NEVER, type Processor, type StepContext } from "./option-processor.ts";

/** The option that asks for a form of the text. */
export type ConstraintOption = "schema" | "regex";

/** The state after tokens, and those that have followed it. */
interface Place {
  readonly state: State;
  readonly next: Map<number, Place>;
}

/** So much is kept at most, about 20 MB; then all is forgotten, which costs time and changes nothing. */
const MOST_KEPT = 100_000;

/** A grammar at work on the tokens of a vocabulary. */
export class TokenConstraint {
  readonly option: ConstraintOption;
  readonly #grammar: Grammar;
  readonly #vocabulary: Vocabulary;
  #automaton: Automaton;
  #root: Place;
  #places = 0;

  constructor(option: ConstraintOption, grammar: Grammar, vocabulary: Vocabulary) {
    this.option = option;
    this.#grammar = grammar;
    this.#vocabulary = vocabulary;
    this.#automaton = new Automaton(grammar);
    this.#root = { state: this.#automaton.start, next: new Map() };
  }

  /** The places after tokens and the parts of the automaton that are kept, for all texts so far. */
  get kept(): number {
    return this.#places + this.#automaton.kept;
  }

  /**
   * The processor that forbids tokens that the text cannot go on with, and end tokens until it is complete.
   *
   * @param ends the end tokens
   * @param skipped the token that a checkpoint forces before the text
   */
  processor(ends: readonly number[], skipped?: number | null): Processor {
    return {
      option: this.option,
      apply: (scores, step) => this.#apply(scores, this.#written(step, skipped), ends),
    };
  }

  /** The tokens of the text so far. */
  #written({ ids, promptLength }: StepContext, skipped: number | null | undefined): readonly number[] | undefined {
    const written = ids.slice(promptLength);
    if (skipped === undefined || skipped === null || promptLength > 1) return written;
    return written.length === 0 ? undefined : written.slice(Number(written[0] === skipped));
  }

  #apply(scores: Float32Array, written: readonly number[] | undefined, ends: readonly number[]): void {
    if (!written) return; // the forced token comes first
    if (this.kept > MOST_KEPT) this.#forget();
    const place = this.#placeAfter(written);
    if (!place) {
      scores.fill(NEVER); // a beam that has ended, or that nothing can save
      return;
    }
    const { state } = place;
    const kept = state.isComplete ? ends.map((id) => [id, scores[id] as number] as const) : [];
    const mask = this.#vocabulary.mask(this.#automaton, state, written.length === 0);
    let isAny = kept.length > 0;
    for (let word = 0; word * 32 < scores.length; word++) {
      const bits = mask[word] ?? 0;
      if (bits === -1 >>> 0) continue;
      isAny ||= bits !== 0;
      const end = Math.min(scores.length, word * 32 + 32);
      for (let id = word * 32; id < end; id++) if (((bits >>> (id & 31)) & 1) === 0) scores[id] = NEVER;
    }
    for (const id of ends) scores[id] = NEVER;
    for (const [id, score] of kept) scores[id] = score;
    if (!isAny)
      throw new LecternError(
        "input",
        `${this.option}: the model's vocabulary has no token that the text can go on with`,
      );
  }

  /** Forgets the texts so far: each new text leaves places behind, and a server writes texts without end. */
  #forget(): void {
    this.#automaton = new Automaton(this.#grammar);
    this.#root = { state: this.#automaton.start, next: new Map() };
    this.#places = 0;
  }

  #placeAfter(ids: readonly number[]): Place | undefined {
    let place: Place = this.#root;
    for (const [i, id] of ids.entries()) {
      let next = place.next.get(id);
      if (!next) {
        const state = this.#advance(place.state, this.#vocabulary.text(id, i === 0));
        if (!state) return undefined;
        next = { state, next: new Map() };
        place.next.set(id, next);
        this.#places++;
      }
      place = next;
    }
    return place;
  }

  #advance(from: State, text: string | undefined): State | undefined {
    if (text === undefined) return undefined;
    let state: State | null = from;
    for (let i = 0; i < text.length && state; i++) state = this.#automaton.step(state, text.charCodeAt(i));
    return state ?? undefined;
  }
}
