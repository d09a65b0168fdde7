import { LecternError, throwIfAborted } from "../common/index.ts";
import { openDirectory } from "../formats/index.ts";
import { generationFields } from "../generation/index.ts";
import { elementCount } from "../tensor/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { openAdapted } from "./adapters/adapted-model.ts";
import { type Adapter, AdapterSet, readAdapter } from "./adapters/adapters.ts";
import { type ForwardInputs, type ForwardOptions, ForwardPass, type ForwardResult } from "./forward.ts";
import { checkForward } from "./forward-check.ts";
import { Generator } from "./generator.ts";
import type {
  Generated,
  GenerateHooks,
  GenerateRequest,
  ModelDescription,
  ModelHost,
  ModelSource,
} from "./host/host.ts";
import { tokenizerOf } from "./load-tokenizer.ts";
import { type ModelFiles, type OpenedModelFiles, openModelFiles, readJsonFile } from "./model-files.ts";
import { checkTokenizer } from "./tokenizer-check.ts";
import { Uses } from "./uses.ts";

/** The adapter's name where a directory holds nothing else. */
const ADAPTER_OF_DIRECTORY = "default";

/** A model that computes in this thread. */
export class LocalModel implements ModelHost {
  readonly description: ModelDescription;
  readonly generator: Generator;
  readonly #files: ModelFiles;
  readonly #threads: number | undefined;
  readonly #adapters: AdapterSet;
  readonly #uses = new Uses();
  #forward: ForwardPass;

  private constructor(
    files: OpenedModelFiles,
    tokenizer: Tokenizer | undefined,
    generationConfig: Readonly<Record<string, unknown>>,
    threads: number | undefined,
  ) {
    this.#files = files;
    this.#threads = threads;
    this.#forward = new ForwardPass(files.architecture, files.weights, threads);
    this.#adapters = new AdapterSet(files.weights, files.architecture);
    const openAssistant = async (location: string): Promise<Generator> =>
      (await LocalModel.open({ location, threads })).generator;
    this.generator = new Generator({ files, tokenizer, generationConfig, threads, openAssistant });
    const { checkpoint } = files.weights;
    this.description = {
      family: files.architecture.family.name,
      kind: files.architecture.kind,
      isEncoderDecoder: files.architecture.kind.endsWith("encoder-decoder"),
      isEncoder: files.architecture.kind === "encoder",
      config: files.json,
      generationConfig,
      contextWindow: files.architecture.config.maxPositionEmbeddings,
      parameterCount: checkpoint.names().reduce((sum, name) => sum + elementCount(checkpoint.info(name).shape), 0),
      warnings: files.warnings,
      startToken: (generationConfig.bos_token_id ?? files.json.bos_token_id ?? undefined) as number | undefined,
    };
  }

  /** @param signal cancels what is read, with code `abort`; once the model is open it says nothing more */
  static async open(source: ModelSource, signal?: AbortSignal): Promise<LocalModel> {
    const opening = new AbortController();
    const stop = (): void => opening.abort();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      throwIfAborted(signal);
      return await LocalModel.#read(source, opening.signal);
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  static async #read(
    { location, base, threads, force = false }: ModelSource,
    signal: AbortSignal,
  ): Promise<LocalModel> {
    const files = await openDirectory(location, signal);
    throwIfAborted(signal);
    const adapted = (await files.has("adapter_config.json")) ? await openAdapted(files, base) : undefined;
    const parts = adapted ?? (await openModelFiles(files));
    throwIfAborted(signal);
    const tokenizer = await tokenizerOf(files, base);
    throwIfAborted(signal);
    const stored = (await files.has("generation_config.json"))
      ? await readJsonFile(files, "generation_config.json")
      : undefined;
    if (tokenizer && !force) {
      const { vocabSize, sourceVocabSize = 0 } = parts.architecture.config;
      const most = Math.max(vocabSize, sourceVocabSize);
      checkTokenizer({ location, tokenizer, config: parts.json, generationConfig: stored ?? {}, vocabSize: most });
    }
    const generationConfig = stored ?? generationFields(parts.json);
    const model = new LocalModel(parts, tokenizer, generationConfig, threads);
    if (adapted) await model.#add(ADAPTER_OF_DIRECTORY, adapted.adapter);
    throwIfAborted(signal);
    return model;
  }

  /** Reads a LoRA adapter and puts it in use; refused while the model computes. */
  addAdapter(name: string, location: string): Promise<void> {
    return this.#uses.change(`addAdapter ${name}`, async () => {
      await this.#add(name, await readAdapter(location, this.#files.architecture));
    });
  }

  /** Puts an adapter in use that was added; undefined: none. Nothing is loaded or compiled again. */
  useAdapter(name: string | undefined): Promise<void> {
    return this.#uses.change(`useAdapter ${name ?? "undefined"}`, () => this.#adapters.use(name));
  }

  /** Sessions are made anew on next need: they now read what the adapter changes. */
  async #add(name: string, adapter: Adapter): Promise<void> {
    if (this.#files.architecture.kind.startsWith("recurrent"))
      throw new LecternError("unsupported", "adapters of recurrent models are not supported: fine-tune all weights");
    await this.#adapters.add(name, adapter);
    await this.#adapters.use(name);
    await this.#forward.dispose();
    await this.generator.disposeEngines();
    this.#forward = new ForwardPass(this.#files.architecture, this.#files.weights, this.#threads);
  }

  forward(inputs: ForwardInputs, options: ForwardOptions): Promise<ForwardResult> {
    return this.#uses.during(async () => {
      checkForward(inputs, options, this.#files.architecture);
      return this.#forward.run(inputs, options);
    });
  }

  generate(request: GenerateRequest, hooks: GenerateHooks): Promise<Generated> {
    return this.#uses.during(() => this.generator.generate(request, hooks, this.#forward));
  }

  async dispose(): Promise<void> {
    await this.#forward.dispose();
    await this.generator.dispose();
  }
}
