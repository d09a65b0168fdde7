import type { Model } from "../../inference/index.ts";
import { classifyTexts, type LabelScore } from "../../pipelines/index.ts";
import { type RequestContext, tokenizerOf } from "../context.ts";
import { ApiError, badField } from "../errors.ts";
import type { ModelLease } from "../models.ts";
import { countTokens } from "../prepare.ts";
import type { ClassifyRequest, EmbeddingRequest, EmbeddingResponse, RerankRequest } from "../schemas/encoders.ts";
import { withLease } from "../with-lease.ts";

/** The number of tokens of texts or pairs; throws 400 with the numbers for one that the model cannot read whole. */
function countRows(
  { model, name }: ModelLease,
  inputs: readonly (string | { readonly text: string; readonly textPair: string })[],
  {
    truncate,
    field,
    context,
  }: { readonly truncate: boolean; readonly field: string; readonly context: RequestContext },
): number {
  if (inputs.length > context.limits.inputs)
    throw badField(field, `at most ${context.limits.inputs} texts; got ${inputs.length}`);
  const tokenizer = tokenizerOf(model);
  const bound = Math.min(tokenizer.maxLength ?? Number.POSITIVE_INFINITY, model.contextWindow);
  const lengths = inputs.map((input) =>
    typeof input === "string"
      ? tokenizer.encode(input).ids.length
      : tokenizer.encode(input.text, { pair: input.textPair }).ids.length,
  );
  const long = lengths.findIndex((length) => length > bound);
  if (long >= 0 && !truncate)
    throw new ApiError(
      400,
      `${field}.${long}: ${lengths[long]} tokens, and ${name} reads ${bound}: ${(lengths[long] as number) - bound} too many; set truncate to cut it`,
      {
        param: field,
        code: "context_length_exceeded",
      },
    );
  const prompt = lengths.reduce((sum, length) => sum + Math.min(length, bound), 0);
  countTokens(name, { prompt, cached: 0, completion: 0 }, context);
  return prompt;
}

const usageOf = (tokens: number): { prompt_tokens: number; total_tokens: number } => ({
  prompt_tokens: tokens,
  total_tokens: tokens,
});

function checkNoAdapter({ adapter, name }: ModelLease): void {
  if (adapter !== null)
    throw new ApiError(400, `model: ${name} is an adapter, which this route does not apply`, {
      param: "model",
      code: "unsupported",
    });
}

/** Shortens a vector to the dimensions that the model was trained for, to length 1 again. */
function shortened(vector: Float32Array, dimensions: number | null | undefined, { config }: Model): Float32Array {
  if (!dimensions || dimensions === vector.length) return vector;
  const { is_matryoshka: isNested, matryoshka_dimensions: nested } = config;
  const isKnown = Array.isArray(nested) ? nested.includes(dimensions) : isNested === true && dimensions < vector.length;
  if (!isKnown) {
    const list = Array.isArray(nested) ? [...nested, vector.length].join(", ") : vector.length;
    throw badField("dimensions", `this model's vectors have ${list} dimensions; got ${dimensions}`);
  }
  const part = vector.slice(0, dimensions);
  const norm = Math.hypot(...part) || 1;
  return part.map((value) => value / norm);
}

function base64(vector: Float32Array): string {
  const bytes = Buffer.alloc(4 * vector.length);
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes.toString("base64");
}

/** POST /v1/embeddings */
export async function embeddings(body: EmbeddingRequest, context: RequestContext): Promise<EmbeddingResponse> {
  const texts = [body.input].flat(2);
  if (!texts.every((text) => typeof text === "string"))
    throw badField("input", "token ids are not read here: send texts");
  return withLease(body.model, context, async (lease) => {
    checkNoAdapter(lease);
    const { model } = lease;
    const truncate = body.truncate ?? false;
    const tokens = countRows(lease, texts, { truncate, field: "input", context });
    const vectors = await model.embed(texts, {
      truncate,
      promptName: body.prompt_name ?? undefined,
      signal: context.signal,
    });
    const data = vectors.map((whole, index) => {
      const vector = shortened(whole, body.dimensions, model);
      const embedding = body.encoding_format === "base64" ? base64(vector) : Array.from(vector);
      return { object: "embedding" as const, index, embedding };
    });
    return { object: "list", model: body.model, data, usage: usageOf(tokens) };
  });
}

/** POST /v1/classify */
export async function classify(body: ClassifyRequest, context: RequestContext): Promise<object> {
  const texts = [body.input].flat();
  return withLease(body.model, context, async (lease) => {
    checkNoAdapter(lease);
    const tokens = countRows(lease, texts, { truncate: body.truncate ?? false, field: "input", context });
    const scores = await classifyTexts(lease.model, texts, { signal: context.signal });
    const data = scores.map((all, index) => ({ index, ...(all[0] as LabelScore), scores: all }));
    return { id: `classify-${context.id}`, object: "list", model: body.model, data, usage: usageOf(tokens) };
  });
}

/** POST /v1/rerank */
export async function rerank(body: RerankRequest, context: RequestContext): Promise<object> {
  const { query, top_n: top, return_documents: returnsDocuments } = body;
  const documents = body.documents.map((document) => (typeof document === "string" ? document : document.text));
  return withLease(body.model, context, async (lease) => {
    checkNoAdapter(lease);
    const labels = lease.model.config.id2label ?? {};
    const count = Object.keys(labels).length;
    if (!lease.model.isEncoder || count !== 1)
      throw new ApiError(400, `model: ${body.model} does not score pairs: an encoder with one label does`, {
        param: "model",
        code: "unsupported",
      });
    const pairs = documents.map((textPair) => ({ text: query, textPair }));
    const tokens = countRows(lease, pairs, { truncate: body.truncate ?? false, field: "documents", context });
    const scores = await classifyTexts(lease.model, pairs, { signal: context.signal });
    const results = scores
      .map(([only], index) => ({
        index,
        relevance_score: (only as LabelScore).score,
        ...((returnsDocuments ?? true) && { document: { text: documents[index] as string } }),
      }))
      .sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index)
      .slice(0, top ?? undefined);
    return { id: `rerank-${context.id}`, model: body.model, results, usage: usageOf(tokens) };
  });
}
