import type { OnnxGraph } from "../lower/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** A loaded graph that runs. */
export interface EngineSession {
  /**
   * Computes all outputs. Feeds are read in place; results belong to the caller.
   * @param into tensors that the results of these names are written to, which saves making new ones
   */
  run(
    feeds: Readonly<Record<string, HostTensor>>,
    into?: Readonly<Record<string, HostTensor>>,
  ): Promise<Record<string, HostTensor>>;
  dispose(): Promise<void>;
}

export interface SessionOptions {
  /** How many threads compute; 0 or absent: the engine's choice. */
  readonly threads?: number | undefined;
  /** Whether the engine makes its own fast copy of constant weights: faster runs, more memory. Default true. */
  readonly prepack?: boolean;
  /**
   * Whether the engine lays all inner values of later runs out in one block, beside what the first run took: faster
   * runs, up to twice the memory. Default true.
   */
  readonly memoryPattern?: boolean;
  /** The engine's own rewrites of graphs to leave out, by its names. */
  readonly withoutRewrites?: readonly string[] | undefined;
  /** Where the engine writes what each kernel took, as a Chrome trace; Node only. The name gets a time and `.json`. */
  readonly profile?: string | undefined;
}

/** The files of one directory, on disk or behind a URL. */
export interface FileSource {
  readonly location: string;
  /** The names in the directory itself; none behind a URL, where they cannot be known. */
  list(): Promise<readonly string[]>;
  has(name: string): Promise<boolean>;
  size(name: string): Promise<number>;
  readText(name: string): Promise<string>;
  readBytes(name: string, start?: number, length?: number): Promise<Uint8Array>;
  /** What the engine finds the file by: an absolute real path, or a URL. */
  resolve(name: string): string;
}

/** Weights that were made of a file and are kept for the next time. */
export interface DerivedFile {
  /** The resolved name of the file they are made of. */
  readonly source: string;
  /** Other files that the bytes are made of, too. */
  readonly besides?: readonly string[];
  /** What is made of it: another recipe makes other bytes. */
  readonly recipe: string;
  readonly size: number;
  readonly pieces: () => AsyncIterable<Uint8Array>;
}

/** What differs between Node and the browser; package conditions choose one. */
export interface Platform {
  createSession(graph: OnnxGraph, options?: SessionOptions): Promise<EngineSession>;
  openFiles(location: string): Promise<FileSource>;
  /** Keeps derived bytes, and returns what the engine finds them by. */
  derivedFile(derived: DerivedFile): Promise<string>;
  /** Lets what waits, such as a cancellation, be handled before going on. */
  nextTask(): Promise<void>;
  /** Reports what a user may want to know, where the caller takes no warnings. */
  warn(message: string): void;
}
