/** The progress of one file's download; the names are those of Transformers.js. */
export interface ProgressEvent {
  /** The stage of the download: its start, a part of it, or its end. */
  readonly status: "initiate" | "progress" | "done";
  /** The model, as `owner/name`. */
  readonly name: string;
  /** The file's name in the repository. */
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
  /** Use only cached files; default: the value of HF_HUB_OFFLINE. */
  readonly offline?: boolean | undefined;
  /** Called with the progress of each file's download. */
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined;
  /** Called with a human-readable warning. Default: `process.emitWarning`. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Cancels the download; the next one resumes it. */
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
