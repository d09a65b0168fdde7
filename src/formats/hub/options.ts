/** The progress of one file's download; the names are those of Transformers.js. */
export interface ProgressEvent {
  readonly status: "initiate" | "progress" | "done";
  /** The model, as `owner/name`. */
  readonly name: string;
  readonly file: string;
  /** In bytes; what an earlier, broken-off download left counts. */
  readonly loaded: number;
  /** In bytes; as far as is known. */
  readonly total: number;
  /** In per cent. */
  readonly progress: number;
}

/** The settings by which models are fetched from the Hub. */
export interface HubOptions {
  /** A branch, a tag or a commit; default `main`. */
  readonly revision?: string | undefined;
  /** The folder of downloads; default as HF_HUB_CACHE and HF_HOME set it, as for Python. */
  readonly cacheDir?: string | undefined;
  /** Use only what the cache holds; default what HF_HUB_OFFLINE says. */
  readonly offline?: boolean | undefined;
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined;
  /** Receives, in words, what was done instead of what was asked, and what is odd about a model's files; default a warning of the process. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Cancels; what was downloaded by then is gone on from next time. */
  readonly signal?: AbortSignal | undefined;
}

/** The part of a model that is needed: all files to run it, or only its tokenizer. */
export type Need = "model" | "tokenizer";

export interface LocateOptions extends HubOptions {
  readonly need?: Need;
  /** Instead of the process's environment. */
  readonly env?: Environment | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;
