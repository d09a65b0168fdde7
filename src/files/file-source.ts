/** The files of one directory, on disk or behind a URL. */
export interface FileSource {
  /** The directory's path or URL. */
  readonly location: string;
  /** The names in the directory itself; none behind a URL, where they cannot be known. */
  list(): Promise<readonly string[]>;
  /** True if the directory has a file of this name. */
  has(name: string): Promise<boolean>;
  /** The size of a file in bytes. */
  size(name: string): Promise<number>;
  /** Reads a file as UTF-8 text. */
  readText(name: string): Promise<string>;
  /** Reads a file, or `length` bytes of it from `start`. */
  readBytes(name: string, start?: number, length?: number): Promise<Uint8Array>;
  /** The name by which the engine finds the file: an absolute real path, or a URL. */
  resolve(name: string): string;
}

/** Weights that were made of a file and are kept for the next time. */
export interface DerivedFile {
  /** The resolved name of the file they are made of. */
  readonly source: string;
  /** Other files that the bytes are made of, too. */
  readonly besides?: readonly string[];
  /** The derivation: another recipe makes other bytes. */
  readonly recipe: string;
  readonly size: number;
  readonly pieces: () => AsyncIterable<Uint8Array>;
  /** Cancels the making, with code `abort`. */
  readonly signal?: AbortSignal | undefined;
}
