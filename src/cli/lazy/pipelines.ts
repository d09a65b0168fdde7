export { classifyTexts, pipeline } from "../../pipelines/index.ts";
