import type { Architecture, KeptConfig, OwnFamily } from "../../families/index.ts";
import type {
  GenerationOptions,
  LogitsProcessor,
  Sequence,
  StoppingCriteria,
  TokenEvent,
} from "../../generation/index.ts";
import type { Channel, Device } from "../../runtime/index.ts";
import type { Priority } from "../admission.ts";
import type { ForwardInputs, ForwardOptions, ForwardResult } from "../forward.ts";
import type { CompiledSource } from "../grammar/grammar-source.ts";
import type { ComputedPrecision, Precision } from "../quantize-model.ts";
import type { ScoreInputs, TokenScore } from "../token-scores.ts";

export interface ModelSource {
  /** A directory, or an absolute URL of one. */
  readonly location: string;
  /** The directory of the model that an adapter adapts, where the location holds an adapter alone. */
  readonly base?: string | undefined;
  readonly threads?: number | undefined;
  readonly device?: Device | undefined;
  readonly precision?: Precision | undefined;
  /** True if a model that is stored in few bits computes in them, whatever the precision. */
  readonly keepsStored?: boolean | undefined;
  /** Memory for the keys and values of earlier texts, in bytes. */
  readonly prefixCacheBytes?: number | undefined;
  /** The number of sequences that are computed at once, at most. */
  readonly maxSequences?: number | undefined;
  /** Memory for the keys and values of running requests, at most, in bytes. */
  readonly maxCacheBytes?: number | undefined;
  /** True if a tokenizer that does not belong to the model is taken all the same. */
  readonly force?: boolean | undefined;
  /** Families of the caller; functions cannot cross to a worker, so the model computes in the caller's thread. */
  readonly families?: readonly OwnFamily[] | undefined;
}

/** The description of an open model. */
export interface ModelDescription {
  readonly family: string;
  readonly kind: Architecture["kind"];
  /** True for encoder–decoder models (T5, BART, Marian), whose output answers the prompt. */
  readonly isEncoderDecoder: boolean;
  readonly isEncoder: boolean;
  readonly config: Readonly<Record<string, unknown>>;
  readonly generationConfig: Readonly<Record<string, unknown>>;
  readonly contextWindow: number;
  /** The contents of the cache, of a decoder in which some layers do not keep keys and values. */
  readonly kept: KeptConfig | undefined;
  readonly parameterCount: number;
  /** The precision that it computes in. */
  readonly precision: ComputedPrecision;
  /** The device that it computes on. */
  readonly device: Device;
  readonly startToken: number | undefined;
  /** Warnings about files that are used all the same. */
  readonly warnings: readonly string[];
}

export interface GenerateRequest {
  readonly inputIds: readonly (readonly number[])[];
  readonly options: GenerationOptions;
  readonly candidates?: number | undefined;
  readonly logProbs?: number | undefined;
  readonly stopStringsIn?: "text" | "output" | undefined;
  readonly globalAttentionMask?: readonly (readonly number[])[] | undefined;
  /** The form that the texts must have. */
  readonly form?: CompiledSource | undefined;
  /** A name; undefined: the default adapter; null: none. */
  readonly adapter?: string | null | undefined;
  readonly priority?: Priority | undefined;
}

export interface GenerateHooks {
  readonly signal?: AbortSignal | undefined;
  readonly onToken?: ((event: TokenEvent) => unknown) | undefined;
  readonly logitsProcessor?: LogitsProcessor | undefined;
  readonly stoppingCriteria?: StoppingCriteria | undefined;
}

/** A call of a function of the caller from a worker; scores or verdict travel back. */
export type Callback =
  | { readonly of: "logitsProcessor"; readonly ids: readonly number[]; readonly scores: Float32Array }
  | { readonly of: "stoppingCriteria"; readonly ids: readonly number[] };

/** The functions that the caller gave. */
export type ProvidedCallbacks = Readonly<Record<"onToken" | "logitsProcessor" | "stoppingCriteria", boolean>>;

/** The time that a generation took. */
export interface Timing {
  /** The time within the total that it waited for other requests to leave room. */
  readonly queueMs: number;
  /** From the start to the first token. */
  readonly firstTokenMs: number;
  /** From the start to the end. */
  readonly totalMs: number;
  /** After the first token. */
  readonly tokensPerSecond: number;
  /** The time that the engine computed, within the total; the rest is Lectern's own. */
  readonly engineMs: number;
  /** The bytes of weights that a decoding step reads; the memory's bandwidth over them bounds the steps in a second. */
  readonly weightBytes: number;
}

/** The number of tokens that a generation read and wrote. */
export interface Usage {
  /** Tokens of all prompts. */
  readonly promptTokens: number;
  /** New tokens of all sequences. */
  readonly completionTokens: number;
  /** Prompt tokens that were not computed, since an earlier text began with them. */
  readonly cachedTokens: number;
}

export interface Generated {
  /** The prompts of the sequences. */
  readonly inputIds: readonly (readonly number[])[];
  readonly sequences: readonly Sequence[];
  readonly usage: Usage;
  readonly timing: Timing;
}

/** The place where a model computes: this thread, or a worker, so that the caller's event loop stays free. */
export interface ModelHost {
  readonly description: ModelDescription;
  forward(inputs: ForwardInputs, options: ForwardOptions): Promise<ForwardResult>;
  /** Scores tokens at positions of rows. @param adapter as of a request */
  score(inputs: ScoreInputs, adapter: string | null | undefined): Promise<TokenScore[][]>;
  generate(request: GenerateRequest, hooks: GenerateHooks): Promise<Generated>;
  addAdapter(name: string, location: string): Promise<void>;
  useAdapter(name: string | undefined): Promise<void>;
  dispose(): Promise<void>;
}

/** So long a worker that opens a model may clean up after a cancellation, before it is ended. */
const GRACE_MS = 1000;

interface Opening {
  readonly source: ModelSource;
  readonly channel: Channel;
  readonly signal: AbortSignal | undefined;
}

/**
 * The worker's description of the model that it opens; code `abort` at the latest a short time after the signal
 * fires.
 */
async function open({ source, channel, signal }: Opening): Promise<ModelDescription> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => channel.close("cancelled by the caller", "abort"), GRACE_MS);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await channel.call<ModelDescription>("open", source, { signal });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** A model that a worker computes. @param stop ends the worker */
export async function connect(opening: Opening, stop: () => Promise<unknown>): Promise<ModelHost> {
  const { channel } = opening;
  try {
    const description = await open(opening);
    return {
      description,
      forward: (inputs, options) => channel.call("forward", [inputs, options]),
      score: (inputs, adapter) => channel.call("score", [inputs, adapter]),
      generate(request, { signal, onToken, logitsProcessor, stoppingCriteria }) {
        const given: ProvidedCallbacks = {
          onToken: onToken !== undefined,
          logitsProcessor: logitsProcessor !== undefined,
          stoppingCriteria: stoppingCriteria !== undefined,
        };
        const onCallback = async (callback: Callback): Promise<unknown> => {
          if (callback.of === "stoppingCriteria") return stoppingCriteria?.(callback.ids);
          return (await logitsProcessor?.(callback.ids, callback.scores)) ?? callback.scores; // changed in place
        };
        return channel.call("generate", [request, given], { signal, onEvent: onToken, onCallback });
      },
      addAdapter: (name, location) => channel.call("addAdapter", [name, location]),
      useAdapter: (name) => channel.call("useAdapter", [name]),
      dispose: async () => {
        await channel.call("dispose", undefined);
        channel.close("the model was disposed");
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
