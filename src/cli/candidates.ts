import { LecternError } from "../common/index.ts";
import type { Candidate, TokenEvent } from "../generation/index.ts";
import type { GenerateOptions, Model } from "../inference/index.ts";
import { count } from "./numbers.ts";
import { bar, percent, tableLines } from "./table.ts";

const DEFAULT_COUNT = 5;

/** The number of candidates that `--show` and `--candidates` ask for; undefined for none. */
export function candidateCount(show: string | undefined, candidates: string | undefined): number | undefined {
  if (show !== undefined && show !== "candidates")
    throw new LecternError("usage", `--show takes candidates; got ${show}`);
  const asked = count("--candidates", candidates);
  return asked ?? (show === undefined ? undefined : DEFAULT_COUNT);
}

/** A step's most probable tokens, as `--json` prints them. */
interface Step {
  readonly sequence: number;
  readonly id: number;
  readonly token: string;
  readonly candidates: readonly (Candidate & { readonly token: string })[];
}

type StartOption = Pick<GenerateOptions, "decoderStartTokenId">;

/** Prints a table for each step: what the model gives each token, what the options make of it, and which was drawn. */
export class CandidateTable {
  readonly steps: Step[] = [];
  readonly #model: Model;
  readonly #options: StartOption;
  readonly #print: (text: string) => unknown;

  constructor(model: Model, options: StartOption, print: (text: string) => unknown) {
    this.#model = model;
    this.#options = options;
    this.#print = print;
  }

  /** Adds a step and prints it. */
  readonly add = ({ sequence, id, candidates = [] }: TokenEvent): void => {
    const token = this.#token(id);
    const number = this.steps.filter((step) => step.sequence === sequence).length + 1;
    if (this.steps.length === 0) this.#printStart();
    const named = candidates.map((candidate) => ({ ...candidate, token: this.#token(candidate.id) }));
    const step = { sequence, id, token, candidates: named };
    this.steps.push(step);
    const title = sequence === 0 ? `step ${number}` : `sequence ${sequence + 1}, step ${number}`;
    this.#print(`${stepLines(title, step).join("\n")}\n\n`);
  };

  /** The token that an encoder–decoder's answer starts from. */
  #printStart(): void {
    const { config, generationConfig, isEncoderDecoder } = this.#model;
    const start =
      this.#options.decoderStartTokenId ?? generationConfig.decoder_start_token_id ?? config.decoder_start_token_id;
    if (isEncoderDecoder && typeof start === "number")
      this.#print(`start token: ${JSON.stringify(this.#token(start))}\n\n`);
  }

  #token(id: number): string {
    return this.#model.tokenizer?.decode([id]) ?? String(id);
  }
}

function stepLines(title: string, { id, token, candidates }: Step): string[] {
  const isChanged = candidates.some(({ before, probability }) => Math.abs(before - probability) > 5e-4);
  const header = isChanged ? [title, "token", "model", "options"] : [title, "token", "probability"];
  const rows = candidates.map((candidate) => {
    const mark = candidate.id === id ? "▸" : "";
    const removed = candidate.after.find(({ probability }) => probability === 0)?.option;
    const numbers = isChanged
      ? [percent(candidate.before), percent(candidate.probability)]
      : [percent(candidate.probability)];
    const end = removed === undefined ? bar(candidate.probability) : `removed by ${removed}`;
    return [mark, JSON.stringify(candidate.token), ...numbers, end];
  });
  const isListed = candidates.some((candidate) => candidate.id === id);
  const drawn = isListed ? [] : [["▸", JSON.stringify(token), `not among the ${candidates.length} most probable`]];
  const numbers = isChanged ? [2, 3] : [2];
  return [...tableLines([header, ...rows], [0, ...numbers]), ...tableLines(drawn)];
}
