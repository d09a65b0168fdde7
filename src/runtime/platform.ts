import type { OnnxGraph } from "../lowering/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** A loaded graph that runs. */
export interface EngineSession {
  /**
   * Computes all outputs. Feeds are read in place; results belong to the caller.
   * @param into tensors that the results of these names are written to, which saves making new ones; in a session that
   * shares memory they may be tensors that are fed, which are then changed in place; on a device they stay there until
   * {@link settle}, and runs that are fed them read them there
   */
  run(
    feeds: Readonly<Record<string, HostTensor>>,
    into?: Readonly<Record<string, HostTensor>>,
  ): Promise<Record<string, HostTensor>>;
  /**
   * Copies what the session keeps on its device of tensors that were given as places, and are fed again, to where they
   * lie. The session keeps them no longer: the next run reads the caller's memory.
   */
  settle(tensors: readonly HostTensor[]): Promise<void>;
  /** Lets go of the tensors of the last run, which a session that shares memory keeps for the next. */
  forget(): void;
  dispose(): Promise<void>;
}

/** The devices that a model can compute on. */
export const devices = ["cpu", "webgpu"] as const;
export type Device = (typeof devices)[number];

export interface SessionOptions {
  /** The device that computes; operators without a kernel for it run on the processor. Default `cpu`. */
  readonly device?: Device | undefined;
  /** The number of threads that compute; 0 or absent: the engine's choice. */
  readonly threads?: number | undefined;
  /** True if the engine makes its own fast copy of constant weights: faster runs, more memory. Default true. */
  readonly prepack?: boolean;
  /**
   * True if the engine lays all inner values of later runs out in one block, beside what the first run took: faster
   * runs, up to twice the memory. Default true.
   */
  readonly memoryPattern?: boolean;
  /** The results that stay on a device where they are given a place. */
  readonly keeps?: readonly string[];
  /** True if runs read and write the caller's memory without a copy, where `canShareMemory()`. Default false. */
  readonly sharesMemory?: boolean;
  /** The engine's own rewrites of graphs to leave out, by its names. */
  readonly withoutRewrites?: readonly string[] | undefined;
  /**
   * The file in which the engine writes the time of each kernel, as a Chrome trace; Node only. The name gets a time
   * and `.json`.
   */
  readonly profile?: string | undefined;
}

/** SHA-256 of what is added, piece by piece. */
export interface Hash {
  update(bytes: Uint8Array): unknown;
  /** The digest in hexadecimal; nothing may be added after it. */
  hex(): string;
}

/** The functions that differ between Node and the browser; package conditions choose one. */
export interface Platform {
  createSession(graph: OnnxGraph, options?: SessionOptions): Promise<EngineSession>;
  /** Checks that there is a device. @throws code `unsupported` where there is none, with the reason */
  checkDevice(device: Device): Promise<void>;
  /** True if sessions can write results to memory that is fed. */
  canShareMemory(): boolean;
  /** Lets what waits, such as a cancellation, be handled before going on. */
  nextTask(): Promise<void>;
  /**
   * Reports what a user may want to know, where the caller takes no warnings.
   * @param type of the warning; default `LecternWarning`
   */
  warn(message: string, type?: string): void;
  sha256(): Hash;
  /** The bytes of memory that weights may take at most. */
  totalMemory(): number;
  /** The name of this process among those that write files of one kind: its machine and its number. */
  processName(): string;
}
