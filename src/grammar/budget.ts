import { LecternError } from "../common/index.ts";

/** The milliseconds after which a compilation is given up, where the caller does not say. */
export const COMPILE_LIMIT_MS = 10_000;

/** The states that one automaton may have. */
const MOST_STATES = 40_000;

/** The refusal of a schema or an expression, at a JSON pointer. */
export function refuse(pointer: string, reason: string): LecternError {
  return new LecternError("unsupported", `schema: ${pointer === "" ? "the root" : pointer}: ${reason}`);
}

/** The error of a schema that is no JSON Schema, at a JSON pointer. */
export function invalid(pointer: string, reason: string): LecternError {
  return new LecternError("usage", `schema: ${pointer === "" ? "the root" : pointer}: ${reason}`);
}

/** The time and the states that a compilation may take. */
export class Budget {
  /** The keyword that is being compiled, as a JSON pointer, or "regex". */
  at = "";
  readonly #deadline: number;
  readonly #limit: number;
  #steps = 0;

  /** @param limitMs the milliseconds from now */
  constructor(limitMs = COMPILE_LIMIT_MS) {
    this.#limit = limitMs;
    this.#deadline = performance.now() + limitMs;
  }

  /** Notes a unit of work; throws once time is up. */
  step(): void {
    if ((++this.#steps & 255) === 0) this.#checkTime();
  }

  #checkTime(): void {
    if (performance.now() <= this.#deadline) return;
    throw this.refuse(`it takes longer than ${this.#limit} ms to compile; make it simpler`);
  }

  /** Throws where an automaton has more states than are allowed. */
  states(count: number): void {
    this.#checkTime();
    if (count > MOST_STATES)
      throw this.refuse(`it needs an automaton of more than ${MOST_STATES} states; lower its counts`);
  }

  /** The refusal of what is being compiled. */
  refuse(reason: string): LecternError {
    return this.at === "regex" ? new LecternError("unsupported", `regex: ${reason}`) : refuse(this.at, reason);
  }
}
