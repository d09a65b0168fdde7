import type { z } from "zod";
import type { RequestContext } from "../context.ts";
import { chatChunk, chatRequest, chatResponse } from "../schemas/chat.ts";
import { completionRequest, completionResponse } from "../schemas/completions.ts";
import { modelAnswer, modelList, stateAnswer } from "../schemas/lists.ts";
import { chatCompletions } from "./chat.ts";
import { completions } from "./completions.ts";
import { health, listModels, metrics, oneModel, ready } from "./state.ts";

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
];
