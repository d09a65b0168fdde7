import type { z } from "zod";
import type { RequestContext } from "../context.ts";
import { chatChunk, chatRequest, chatResponse } from "../schemas/chat.ts";
import { completionRequest, completionResponse } from "../schemas/completions.ts";
import {
  classifyRequest,
  classifyResponse,
  embeddingRequest,
  embeddingResponse,
  rerankRequest,
  rerankResponse,
} from "../schemas/encoders.ts";
import { feedbackRequest, feedbackResponse } from "../schemas/feedback.ts";
import { modelAnswer, modelList, modelRequest, stateAnswer } from "../schemas/lists.ts";
import { countRequest, countResponse, messageEvent, messageRequest, messageResponse } from "../schemas/messages.ts";
import { responseAnswer, responseEvent, responseRequest } from "../schemas/responses.ts";
import {
  detokenizeRequest,
  detokenizeResponse,
  tokenizeRequest,
  tokenizeResponse,
  tokenizerInfo as tokenizerInfoAnswer,
} from "../schemas/tokens.ts";
import { chatCompletions } from "./chat.ts";
import { completions } from "./completions.ts";
import { classify, embeddings, rerank } from "./encoders.ts";
import { feedback } from "./feedback.ts";
import { countMessageTokens, messages } from "./messages.ts";
import { responses } from "./responses.ts";
import { health, listModels, loadOne, metrics, oneModel, ready, unloadOne } from "./state.ts";
import { detokenize, tokenize, tokenizerInfo } from "./tokens.ts";

/** A route: what the OpenAPI document says of it, and the function that answers. */
export interface Route {
  readonly method: "get" | "post";
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly response?: z.ZodType;
  /** The events of its stream. */
  readonly events?: z.ZodType;
  /** True if it needs no key. */
  readonly isPublic?: boolean;
  /** True if it computes, so that it counts against the limit of requests. */
  readonly computes?: boolean;
  /** @param parameters of the path and the query */
  answer(body: never, context: RequestContext, parameters: Readonly<Record<string, string>>): Promise<object> | object;
}

/** Every route but /openapi.json. */
export const routes: readonly Route[] = [
  {
    method: "get",
    path: "/health",
    summary: "True while the process answers.",
    response: stateAnswer,
    isPublic: true,
    answer: health,
  },
  {
    method: "get",
    path: "/ready",
    summary: "200 once pinned models are loaded, 503 before and while the server stops.",
    response: stateAnswer,
    isPublic: true,
    answer: ready,
  },
  { method: "get", path: "/metrics", summary: "Counts in Prometheus' text form.", answer: metrics },
  {
    method: "get",
    path: "/v1/models",
    summary: "The models of this server, loaded or not.",
    response: modelList,
    answer: listModels,
  },
  { method: "get", path: "/v1/models/{model}", summary: "One model.", response: modelAnswer, answer: oneModel },
  {
    method: "post",
    path: "/v1/completions",
    summary: "Continues prompts.",
    body: completionRequest,
    response: completionResponse,
    events: completionResponse,
    computes: true,
    answer: completions,
  },
  {
    method: "post",
    path: "/v1/chat/completions",
    summary: "Answers a conversation.",
    body: chatRequest,
    response: chatResponse,
    events: chatChunk,
    computes: true,
    answer: chatCompletions,
  },
  {
    method: "post",
    path: "/v1/responses",
    summary: "Answers a conversation as OpenAI's responses, without keeping it.",
    body: responseRequest,
    response: responseAnswer,
    events: responseEvent,
    computes: true,
    answer: responses,
  },
  {
    method: "post",
    path: "/v1/messages",
    summary: "Answers a conversation in Anthropic's form.",
    body: messageRequest,
    response: messageResponse,
    events: messageEvent,
    computes: true,
    answer: messages,
  },
  {
    method: "post",
    path: "/v1/messages/count_tokens",
    summary: "Counts the tokens of a conversation in Anthropic's form.",
    body: countRequest,
    response: countResponse,
    answer: countMessageTokens,
  },
  {
    method: "post",
    path: "/v1/embeddings",
    summary: "Turns texts into vectors.",
    body: embeddingRequest,
    response: embeddingResponse,
    computes: true,
    answer: embeddings,
  },
  {
    method: "post",
    path: "/v1/rerank",
    summary: "Orders documents by their relevance to a query.",
    body: rerankRequest,
    response: rerankResponse,
    computes: true,
    answer: rerank,
  },
  {
    method: "post",
    path: "/v1/classify",
    summary: "Gives the classes of texts.",
    body: classifyRequest,
    response: classifyResponse,
    computes: true,
    answer: classify,
  },
  {
    method: "post",
    path: "/v1/feedback",
    summary: "Stores a judgement of an answer, where the server keeps feedback.",
    body: feedbackRequest,
    response: feedbackResponse,
    answer: feedback,
  },
  {
    method: "post",
    path: "/v1/models/load",
    summary: "Loads a model.",
    body: modelRequest,
    response: modelAnswer,
    answer: loadOne,
  },
  {
    method: "post",
    path: "/v1/models/unload",
    summary: "Unloads a model that no request uses.",
    body: modelRequest,
    response: modelAnswer,
    answer: unloadOne,
  },
  {
    method: "post",
    path: "/tokenize",
    summary: "Turns a text or a conversation into token ids.",
    body: tokenizeRequest,
    response: tokenizeResponse,
    answer: tokenize,
  },
  {
    method: "post",
    path: "/detokenize",
    summary: "Turns token ids into text.",
    body: detokenizeRequest,
    response: detokenizeResponse,
    answer: detokenize,
  },
  {
    method: "get",
    path: "/tokenizer_info",
    summary: "Facts about a model's tokenizer.",
    response: tokenizerInfoAnswer,
    answer: tokenizerInfo,
  },
];
