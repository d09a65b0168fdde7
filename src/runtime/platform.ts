import type { OnnxGraph } from "../lower/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** A loaded graph that runs. */
export interface EngineSession {
  /** Computes all outputs. Feeds are read in place; results belong to the caller. */
  run(feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>>;
  dispose(): Promise<void>;
}

export interface SessionOptions {
  /** How many threads compute; 0 or absent: the engine's choice. */
  readonly threads?: number | undefined;
  /** Whether the engine makes its own fast copy of constant weights: faster runs, more memory. Default true. */
  readonly prepack?: boolean;
  /**
   * Whether sums before a layer norm are left to a kernel of their own. The engine's kernel for both at once computes
   * element by element: 4 times as long over many rows, and less to begin over one. Node only; default false.
   */
  readonly separateNorms?: boolean;
  /** Where the engine writes what each kernel took, as a Chrome trace; Node only. The name gets a time and `.json`. */
  readonly profile?: string | undefined;
}

/** The files of one directory, on disk or behind a URL. */
export interface FileSource {
  readonly location: string;
  has(name: string): Promise<boolean>;
  size(name: string): Promise<number>;
  readText(name: string): Promise<string>;
  readBytes(name: string, start?: number, length?: number): Promise<Uint8Array>;
  /** What the engine finds the file by: an absolute real path, or a URL. */
  resolve(name: string): string;
}

/** What differs between Node and the browser; package conditions choose one. */
export interface Platform {
  createSession(graph: OnnxGraph, options?: SessionOptions): Promise<EngineSession>;
  openFiles(location: string): Promise<FileSource>;
  /** The directory of a model that ships with the package; undefined where there is none, or a directory of that name. */
  shippedModel(name: string): string | undefined;
  /** Lets what waits, such as a cancellation, be handled before going on. */
  nextTask(): Promise<void>;
}
