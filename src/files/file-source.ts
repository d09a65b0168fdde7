/** The files of one directory, on disk or behind a URL. */
export interface FileSource {
  readonly location: string;
  /** The names in the directory itself; none behind a URL, where they cannot be known. */
  list(): Promise<readonly string[]>;
  has(name: string): Promise<boolean>;
  size(name: string): Promise<number>;
  readText(name: string): Promise<string>;
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
}
