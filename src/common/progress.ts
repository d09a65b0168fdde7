/** What a long operation reports while it runs; `total` is absent where the end is not known. */
export interface ProgressEvent {
  /** What is being done, for people: "reading weights". */
  readonly stage: string;
  readonly done: number;
  readonly total?: number;
  readonly unit: "bytes" | "tokens" | "steps" | "files" | "tensors";
}

export type OnProgress = (event: ProgressEvent) => void;
