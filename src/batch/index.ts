export { readBatchFile } from "./file.ts";
export { type BatchStatus, batchResults, batchStatus, removeBatch } from "./results.ts";
export { BatchStore } from "./store.ts";
export { submitBatch } from "./submit.ts";
export { loadAnswerer, work } from "./work.ts";
