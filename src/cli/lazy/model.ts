export { namedTensors } from "../../inference/index.ts";
