export { namedTensors } from "../../model/index.ts";
