import { check, LecternError } from "../common/index.ts";
import { type GenerationOptions, plannedNewTokens } from "../generation/index.ts";
import { mostSlots } from "./cache/cache-sizes.ts";
import type { Strategy } from "./strategy.ts";

/** The order of requests that wait: the lower number first, as in vLLM. */
export type Priority = "interactive" | "batch" | number;

/** The names of priorities; a request without one is interactive. */
const priorities = { interactive: 0, batch: 10 } as const;

/** The number of a priority. */
export function priorityOf(priority: Priority = "interactive"): number {
  return typeof priority === "number" ? priority : priorities[priority];
}

export const priorityNames = Object.keys(priorities);

/** The bounds of what runs at once. */
export interface AdmissionLimits {
  readonly maxSequences?: number | undefined;
  readonly maxCacheBytes?: number | undefined;
}

/** The room that a request needs. */
export interface RequestSize {
  /** The number of sequences that are computed at once. */
  readonly sequences: number;
  /** The number of tokens of the longest of them, at most. */
  readonly length: number;
}

/** The facts that the size of a request follows from. */
export interface SizedRequest {
  readonly strategy: Strategy;
  readonly options: GenerationOptions;
  /** The token ids that are read: of an encoder–decoder by its encoder. */
  readonly rows: readonly (readonly number[])[];
  readonly contextWindow: number;
  readonly isEncoderDecoder: boolean;
}

/** The number of rows that a contrastive search computes where the options do not say. */
const CONTRASTED = 50;

/** The size of a request. Strategies that follow each prompt by itself need room for one. */
export function sizeOf({ strategy, options, rows, contextWindow, isEncoderDecoder }: SizedRequest): RequestSize {
  const { numBeams = 1, numReturnSequences = 1, guidanceScale = 1, topK = CONTRASTED } = options;
  const perRow = guidanceScale === 1 ? 1 : 2;
  const lengths = rows.map((row) => {
    const prompt = isEncoderDecoder ? 1 : row.length;
    return prompt + plannedNewTokens(options, prompt, contextWindow) + (isEncoderDecoder ? row.length : 0);
  });
  const length = Math.max(...lengths);
  if (strategy === "autoregressive") return { sequences: perRow * rows.length * numReturnSequences, length };
  if (strategy === "contrastive") return { sequences: topK, length };
  return { sequences: strategy === "speculative" ? 1 : perRow * numBeams, length };
}

export interface EnterOptions {
  readonly priority?: Priority | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The number of seconds that the request may take, waiting included. */
  readonly maxTime?: number | undefined;
}

/** The function that gives the room back, or the reason why a request ended before it had any. */
export type Entry = (() => void) | "abort" | "time";

interface Waiting {
  readonly size: RequestSize;
  readonly priority: number;
  readonly resolve: (entry: Entry) => void;
}

/**
 * The door of a model: lets requests in while sequences and the memory of their keys and values stay within the limits.
 * Others wait, first come first served within a priority; none overtakes a larger one of its own priority.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  /** Keys and values of one token, in bytes. */
  readonly #tokenBytes: number;
  /** The bytes that a sequence of any length takes beside them. */
  readonly #sequenceBytes: number;
  readonly #running = new Set<RequestSize>();
  readonly #waiting: Waiting[] = [];

  constructor(limits: AdmissionLimits, tokenBytes: number, sequenceBytes = 0) {
    this.#limits = limits;
    this.#sequenceBytes = sequenceBytes;
    this.#tokenBytes = tokenBytes;
  }

  /** The number of requests that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Waits until a request has room.
   *
   * @throws LecternError with code `usage` where it could not run alone
   */
  async enter(size: RequestSize, { priority, signal, maxTime }: EnterOptions = {}): Promise<Entry> {
    this.#checkAlone(size);
    if (signal?.aborted) return "abort";
    const own = priorityOf(priority);
    if (!this.#waiting.some((other) => other.priority <= own) && this.#fits(size)) return this.#admit(size);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let onAbort = (): void => {};
    const entry = await new Promise<Entry>((resolve) => {
      const request: Waiting = { size, priority: own, resolve };
      const leave = (reason: "abort" | "time"): void => {
        const at = this.#waiting.indexOf(request);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        resolve(reason);
        this.#admitWaiting(); // it may have stood before a smaller one
      };
      const behind = this.#waiting.findIndex((other) => other.priority > own);
      this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, request);
      onAbort = () => leave("abort");
      signal?.addEventListener("abort", onAbort, { once: true });
      if (maxTime !== undefined) timer = setTimeout(() => leave("time"), Math.min(1000 * maxTime, LONGEST_TIMER));
    });
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    return entry;
  }

  #checkAlone(size: RequestSize): void {
    const { maxSequences = Number.POSITIVE_INFINITY, maxCacheBytes = Number.POSITIVE_INFINITY } = this.#limits;
    const { sequences } = size;
    check(
      sequences <= maxSequences,
      "usage",
      () =>
        `generate: the request needs ${sequences} sequences at once, and maxSequences is ${maxSequences}: give fewer prompts in a call, ask for fewer return sequences or beams, or load the model with a larger maxSequences`,
    );
    const bytes = this.#bytesOf([size]);
    if (bytes > maxCacheBytes)
      throw new LecternError(
        "usage",
        `generate: the request needs ${bytes} bytes for ${this.#held(size)}, and maxCacheBytes is ${maxCacheBytes}: ask for fewer new tokens, give fewer or shorter prompts, or load the model with a larger maxCacheBytes`,
      );
  }

  /** The contents of a request's cache, in words. */
  #held({ sequences, length }: RequestSize): string {
    const keys = `keys and values (${sequences} of ${length} tokens, ${this.#tokenBytes} bytes each)`;
    if (this.#sequenceBytes === 0) return keys;
    const states = `states (${sequences} of ${this.#sequenceBytes} bytes)`;
    return this.#tokenBytes === 0 ? states : `${keys} and ${states}`;
  }

  /** The memory that requests need together: rows of one batch are all as long as the longest. */
  #bytesOf(sizes: readonly RequestSize[]): number {
    const sequences = sizes.reduce((sum, size) => sum + size.sequences, 0);
    const slots = mostSlots(Math.max(...sizes.map(({ length }) => length)));
    return sequences * (slots * this.#tokenBytes + this.#sequenceBytes);
  }

  #fits(size: RequestSize): boolean {
    const { maxSequences = Number.POSITIVE_INFINITY, maxCacheBytes = Number.POSITIVE_INFINITY } = this.#limits;
    const all = [...this.#running, size];
    return (
      all.reduce((sum, { sequences }) => sum + sequences, 0) <= maxSequences && this.#bytesOf(all) <= maxCacheBytes
    );
  }

  #admit(size: RequestSize): () => void {
    const held = { ...size };
    this.#running.add(held);
    return () => {
      if (this.#running.delete(held)) this.#admitWaiting();
    };
  }

  #admitWaiting(): void {
    while (true) {
      const [first] = this.#waiting;
      if (!first || !this.#fits(first.size)) return;
      this.#waiting.shift();
      first.resolve(this.#admit(first.size));
    }
  }
}

/** The longest time that a timer can have, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;
