export * from "./compositions.ts";
export * from "./in-context-tasks.ts";
