export { attends, namedTensors, traitsOf } from "../../inference/index.ts";
