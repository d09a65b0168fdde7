import { randomUUID } from "node:crypto";
import { check, LecternError } from "../common/index.ts";
import type { FeedbackEntry } from "../feedback/index.ts";
import { FeedbackWriter, promptText } from "../feedback/index.ts";
import type { GenerateResult, Model } from "../inference/index.ts";

type Judged = Pick<FeedbackEntry, "id" | "index" | "model" | "prompt" | "answer">;

/** Judgements of a conversation's last answer: `/good`, `/bad`, `/better TEXT`. */
export class Judgements {
  readonly #directory: string | undefined;
  readonly #name: string;
  #writer: FeedbackWriter | undefined;
  #last: Judged | undefined;

  /** @param name the model's, in the entries */
  constructor(name: string, directory: string | undefined) {
    [this.#name, this.#directory] = [name, directory];
  }

  /** Notes the last answer. */
  note({ tokenizer }: Model, { inputIds, text }: Pick<GenerateResult, "inputIds" | "text">): void {
    if (!tokenizer || text === "") return;
    const prompt = promptText(tokenizer, inputIds[0] ?? []);
    this.#last = { id: `run-${randomUUID().replaceAll("-", "")}`, index: 0, model: this.#name, prompt, answer: text };
  }

  /** Forgets the last answer. */
  clear(): void {
    this.#last = undefined;
  }

  /**
   * Stores a judgement and returns what is said of it.
   *
   * @throws code `usage` without a directory, an answer, or a text after `/better`
   */
  async add(command: "good" | "bad" | "better", text: string): Promise<string> {
    const directory = this.#directory;
    if (directory === undefined)
      throw new LecternError("usage", `/${command} stores feedback: start with run --feedback DIRECTORY`);
    const last = this.#last;
    check(last, "usage", () => `/${command} judges the last answer, and there is none yet`);
    if (command === "better") check(text !== "", "usage", () => "/better needs the better answer: /better TEXT");
    else check(text === "", "usage", () => `/${command} takes no text; a better answer is given with /better TEXT`);
    this.#writer ??= await FeedbackWriter.open(directory);
    const judgement =
      command === "better" ? { better: text } : ({ rating: command === "good" ? "up" : "down" } as const);
    await this.#writer.add({ time: new Date().toISOString(), source: "run", ...last, ...judgement });
    return `stored in ${directory}\n`;
  }
}
