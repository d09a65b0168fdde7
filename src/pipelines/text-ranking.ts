import { check, LecternError, ownEntry, shown } from "../common/index.ts";
import { forwardRows, type Row } from "../inference/index.ts";
import type { CallOptions } from "./options.ts";
import { sigmoid } from "./scores.ts";
import { lacksHead, parseText, type Task, type TaskContext, textField, windowOf } from "./task.ts";
import { classLogits } from "./text-classification.ts";

/** A query, and the texts that are ranked by it. */
export interface RankingInput {
  /** The query that documents are ranked by. */
  readonly query: string;
  /** The documents, at least one. */
  readonly documents: readonly string[];
}

/** A document with its relevance to the query. */
export interface RankedDocument {
  /** Its place among the documents that were given. */
  readonly index: number;
  /** The text of the document. */
  readonly document: string;
  /** Its relevance: of most models from 0 to 1. */
  readonly score: number;
}

/** Options of `text-ranking`. */
export interface TextRankingOptions extends CallOptions {
  /** The number of documents, the best first; null: all, as by default. */
  readonly topK?: number | null;
  /** The task in a sentence, for rerankers that read one, such as Qwen3-Reranker. */
  readonly instruction?: string;
}

/**
 * The relevance of documents to a query, by a model that reads both together: a cross-encoder with one class, or
 * Qwen3-Reranker, which answers yes or no.
 */
export const textRanking: Task<RankingInput, TextRankingOptions, RankedDocument[]> = {
  batchSize: 32,
  options: { topK: "countOrNull", instruction: "text" },
  parse(input, place) {
    const query = textField(input, "query", place);
    const { documents } = input as { documents?: unknown };
    check(
      Array.isArray(documents) && documents.length > 0,
      "input",
      () => `${place}: documents must be a list of at least one text; got ${shown(documents)}`,
    );
    return { query, documents: documents.map((document, i) => parseText(document, `${place}: documents[${i}]`)) };
  },
  async run(context, inputs, { topK, instruction }) {
    const pairs = inputs.flatMap(({ query, documents }) => documents.map((document) => ({ query, document })));
    const done = { ...context, onDone: () => {} };
    const scores = await (isReranker(context) ? yesScores(done, pairs, instruction) : classScores(done, pairs));
    context.onDone(inputs.length);
    let at = 0;
    return inputs.map(({ documents }) => {
      const ranked = documents.map((document, index) => ({ index, document, score: scores[at++] as number }));
      return ranked.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, topK ?? undefined);
    });
  },
};

interface Pair {
  readonly query: string;
  readonly document: string;
}

const architectureOf = ({ model }: TaskContext): string => String((model.config.architectures as string[])?.[0] ?? "");

/** True for a Qwen3 that scores words: such a model ranks by what it answers. */
function isReranker(context: TaskContext): boolean {
  return context.model.config.model_type === "qwen3" && architectureOf(context).endsWith("ForCausalLM");
}

/** Activations of cross-encoders, as sentence-transformers writes them into `config.json`; without one, the sigmoid. */
const activations: Readonly<Record<string, (score: number) => number>> = {
  "torch.nn.modules.activation.Sigmoid": (score) => sigmoid(Float32Array.of(score))[0] as number,
  "torch.nn.modules.linear.Identity": (score) => score,
};

function activationOf({ model, task }: TaskContext): (score: number) => number {
  const { sentence_transformers: own, sbert_ce_default_activation_function: older } = model.config as {
    sentence_transformers?: { activation_fn?: unknown };
    sbert_ce_default_activation_function?: unknown;
  };
  const name = String(own?.activation_fn ?? older ?? "torch.nn.modules.activation.Sigmoid");
  const found = ownEntry(activations, name);
  if (found) return found;
  throw new LecternError(
    "unsupported",
    `${task}: config.json: the activation ${name} of this cross-encoder is not supported; supported are ${Object.keys(activations).join(", ")}`,
  );
}

async function classScores(context: TaskContext, pairs: readonly Pair[]): Promise<number[]> {
  const { model, tokenizer, task } = context;
  if (!architectureOf(context).endsWith("ForSequenceClassification")) throw lacksHead(context, "ranking");
  const activate = activationOf(context);
  const most = windowOf(context);
  const bound = Number.isFinite(most) ? { maxLength: most } : {};
  const rows = pairs.map(({ query, document }) => tokenizer.encode(query, { pair: document, ...bound }));
  return forwardRows(model, rows, context, (result, { row }) => {
    const logits = classLogits(context, result, row);
    check(
      logits.length === 1,
      "unsupported",
      () => `${task}: a cross-encoder has one class, this model ${logits.length}; use text-classification`,
    );
    return activate(logits[0] as number);
  });
}

/** The prompt of Qwen3-Reranker's authors (Zhang et al., 2025). */
const PROMPT = {
  before:
    '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n',
  after: "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
  instruction: "Given a web search query, retrieve relevant passages that answer the query",
};

/** The probability of the answer yes, of yes and no. */
async function yesScores(
  context: TaskContext,
  pairs: readonly Pair[],
  instruction = PROMPT.instruction,
): Promise<number[]> {
  const { model, tokenizer, task } = context;
  const [yes, no] = ["yes", "no"].map((word) => tokenizer.id(word)) as [number | undefined, number | undefined];
  if (yes === undefined || no === undefined)
    throw new LecternError(
      "unsupported",
      `${task}: this tokenizer has no tokens "yes" and "no", which answer the prompt`,
    );
  const encode = (text: string, maxLength?: number): number[] =>
    tokenizer.encode(text, { addSpecialTokens: false, ...(maxLength !== undefined && { maxLength }) }).ids;
  const [before, after] = [encode(PROMPT.before), encode(PROMPT.after)];
  const most = windowOf(context) - before.length - after.length;
  check(most > 0, "unsupported", () => `${task}: the prompt alone is longer than the context window`);
  const rows: Row[] = pairs.map(({ query, document }) => {
    const text = `<Instruct>: ${instruction}\n<Query>: ${query}\n<Document>: ${document}`;
    return { ids: [...before, ...encode(text, Number.isFinite(most) ? most : undefined), ...after] };
  });
  return forwardRows(model, rows, context, ({ logits }, { row }, index) => {
    if (!logits) throw lacksHead(context, "ranking");
    const [, width, size] = logits.shape as [number, number, number];
    const last = (row * width + (rows[index] as Row).ids.length - 1) * size;
    const difference = (logits.data[last + yes] as number) - (logits.data[last + no] as number);
    return sigmoid(Float32Array.of(difference))[0] as number;
  });
}
