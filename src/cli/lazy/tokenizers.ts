export { loadTokenizer, trainTokenizer } from "../../tokenizers/index.ts";
