import type { FeedbackEntry, FeedbackWriter } from "../feedback/index.ts";

/** An answer that may be judged. */
type Remembered = Pick<FeedbackEntry, "model" | "prompt" | "answer">;

/** Responses that are remembered at most, and characters of their texts. */
const MOST_RESPONSES = 1000;
const MOST_CHARACTERS = 32 * 2 ** 20;

/** The last responses of a server, which feedback may name by their ids, and the file that it goes to. */
export class FeedbackDesk {
  readonly #writer: FeedbackWriter;
  readonly #responses = new Map<string, readonly Remembered[]>();
  #characters = 0;

  constructor(writer: FeedbackWriter) {
    this.#writer = writer;
  }

  /** Keeps the answers of a response, in place of the oldest ones. */
  remember(id: string, answers: readonly Remembered[]): void {
    this.#responses.set(id, answers);
    this.#characters += sizeOf(answers);
    for (const [oldest, own] of this.#responses) {
      if (this.#responses.size <= MOST_RESPONSES && this.#characters <= MOST_CHARACTERS) break;
      this.#responses.delete(oldest);
      this.#characters -= sizeOf(own);
    }
  }

  /** The answers of a response, by the id that it has in any protocol: `cmpl-…`, `chatcmpl-…`, `resp_…`, `msg_…`. */
  find(id: string): readonly Remembered[] | undefined {
    return this.#responses.get(id.replace(/^.*[-_]/, ""));
  }

  /** Stores a judgement. */
  add(entry: Omit<FeedbackEntry, "time" | "source">): Promise<void> {
    return this.#writer.add({ time: new Date().toISOString(), source: "server", ...entry });
  }
}

const sizeOf = (answers: readonly Remembered[]): number =>
  answers.reduce((sum, { prompt, answer }) => sum + prompt.length + answer.length, 0);
