export { ask, INDEX_NAME, indexFolder, modelEncoder, openIndex } from "../../retrieval/index.ts";
