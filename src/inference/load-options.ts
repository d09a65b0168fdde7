import type { OwnFamily } from "../families/index.ts";
import type { HubOptions } from "../formats/index.ts";
import type { Device } from "../runtime/index.ts";
import type { Precision } from "./quantize-model.ts";

/** Options of `loadModel`. */
export interface LoadOptions extends HubOptions {
  /** The number of threads that compute, from 1; default: the engine's choice, one for each core of the machine. */
  readonly threads?: number | undefined;
  /**
   * The device that computes. `webgpu` is a GPU through Vulkan, Metal or Direct3D 12 in Node, and the browser's in a
   * page; operators without a kernel for it run on the CPU, and no prefixes are kept. Default `cpu`.
   */
  readonly device?: Device | undefined;
  /**
   * The precision that linear layers compute in. `int8` and `int4` store their matrices, and tables of words, in whole
   * numbers with a scale for each output or block, in a derived file that is written on first use; `auto` is that of a
   * quantized checkpoint, else float32 below 100 million parameters and int8 above, on `webgpu`, which has no int8, int4.
   * Default: the one that the checkpoint has, in few bits if it is a quantized GGUF file, has a `quantization_config` or
   * was written by `quantizeModel` (which has no other), else float32. On `webgpu`, quantized checkpoints of others are
   * expanded to float32 by default.
   */
  readonly precision?: Precision | undefined;
  /**
   * Memory for the keys and values of earlier texts, in bytes: a prompt that begins like one of them is computed from
   * where they part. It fills as texts are read and written, and the least recently used go. 0 keeps none. Default 256
   * MiB.
   */
  readonly prefixCacheBytes?: number | undefined;
  /**
   * The number of sequences that are computed at once, at most: prompts, return sequences and beams of all requests
   * together. Later requests wait. Default: no limit.
   */
  readonly maxSequences?: number | undefined;
  /**
   * Memory for the keys and values of running requests, at most, in bytes, as if each became as long as its options allow.
   * Later requests wait. Default: no limit.
   */
  readonly maxCacheBytes?: number | undefined;
  /** For a directory with an adapter alone: the model that it adapts, in place of the one it names. */
  readonly base?: string | undefined;
  /** True if a tokenizer that does not match the model is accepted; by default it is rejected with the reason. */
  readonly force?: boolean | undefined;
  /**
   * Model families of your own, as `defineFamily` makes them. Functions cannot cross to a worker, so such a load computes
   * in the caller's thread.
   */
  readonly families?: readonly OwnFamily[] | undefined;
}
