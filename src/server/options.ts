import type { LoadOptions } from "../inference/index.ts";

/** A model that a server offers. */
export interface ServedModel {
  /** The name that requests give. */
  readonly name: string;
  /** A directory, a bundled model's name, or `owner/name` on the Hub. */
  readonly location: string;
  /** True if it is loaded at the start and kept. */
  readonly pinned?: boolean | undefined;
  /** LoRA adapters by name, which requests ask for as `model:adapter`. */
  readonly adapters?: Readonly<Record<string, string>> | undefined;
  /** Options of loading. */
  readonly load?: LoadOptions | undefined;
}

/** Bounds of requests; see `docs/server.md`. */
export interface ServerLimits {
  /** Bytes of a request's body; default 4 MiB. */
  readonly bodyBytes: number;
  /** New tokens of one answer; default 4,096. */
  readonly newTokens: number;
  /** Prompts, texts or documents of one request; default 2,048. */
  readonly inputs: number;
  /** Seconds that a request may take, waiting included; default 600. */
  readonly seconds: number;
  /** Sequences that a model computes at once; default 32. */
  readonly sequences: number;
  /** Requests in work and waiting, of all models together; default 512. */
  readonly requests: number;
}

export const defaultLimits: ServerLimits = {
  bodyBytes: 4 * 2 ** 20,
  newTokens: 4096,
  inputs: 2048,
  seconds: 600,
  sequences: 32,
  requests: 512,
};

/** One line of the log. It never holds a prompt or an answer. */
export type LogEntry = Readonly<Record<string, string | number | boolean | null>>;

/** Options of `serve`. */
export interface ServeOptions {
  /** The models; a text is a name and a location at once. */
  readonly models: readonly (string | ServedModel)[];
  /** The address to listen on; default 127.0.0.1, which other machines cannot reach. */
  readonly host?: string | undefined;
  /** The port; 0 for any that is free; default 8080. */
  readonly port?: number | undefined;
  /** Keys of which every request but /health and /ready must show one; default none. */
  readonly apiKeys?: readonly string[] | undefined;
  /** Origins whose pages may call the server; default none. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Names in the Host header that are accepted without a key, beside the loopback ones; `*` for any. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Bounds of requests; each that is left out has the default of `ServerLimits`. */
  readonly limits?: Partial<ServerLimits> | undefined;
  /** Memory that the weights of models may take together, in bytes; the least recently used go. Default: no limit. */
  readonly modelBytes?: number | undefined;
  /** Seconds after which a model that nobody uses is unloaded; default never. */
  readonly idleSeconds?: number | undefined;
  /** Seconds that running requests get to end once the server stops; default 30. */
  readonly drainSeconds?: number | undefined;
  /**
   * A directory that `POST /v1/feedback` stores judgements in, with the prompts and answers that they are about; default none.
   */
  readonly feedback?: string | undefined;
  /** Called with one entry a request and with events of models; default none. */
  readonly onLog?: ((entry: LogEntry) => void) | undefined;
}
