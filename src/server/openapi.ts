import { z } from "zod";
import { VERSION } from "../common/index.ts";
import type { Route } from "./routes/index.ts";
import { errorAnswer } from "./schemas/lists.ts";

const json = (schema: z.ZodType, io: "input" | "output"): object => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Record<string, unknown>;
  return rest;
};

function responsesOf({ response, events }: Route): object {
  const content = {
    ...(response && { "application/json": { schema: json(response, "output") } }),
    ...(events && { "text/event-stream": { schema: json(events, "output") } }),
    ...(!response && !events && { "text/plain": { schema: { type: "string" } } }),
  };
  const error = {
    description: "An error",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
  return { 200: { description: "The answer", content }, default: error };
}

function operationOf(route: Route): object {
  const { summary, body, path, isPublic } = route;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  return {
    summary,
    ...(names.length > 0 && {
      parameters: names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    }),
    ...(body && { requestBody: { required: true, content: { "application/json": { schema: json(body, "input") } } } }),
    responses: responsesOf(route),
    ...(isPublic && { security: [] }),
  };
}

/** The OpenAPI 3.1 document of routes; the schemas are those by which requests are checked. */
export function openApiDocument(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  return {
    openapi: "3.1.0",
    info: {
      title: "Lectern",
      version: VERSION,
      description: "Language models behind the interfaces of OpenAI and Anthropic.",
    },
    security: [{ bearer: [] }, { key: [] }],
    paths,
    components: {
      schemas: { Error: json(errorAnswer, "output") },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        key: { type: "apiKey", in: "header", name: "x-api-key" },
      },
    },
  };
}
