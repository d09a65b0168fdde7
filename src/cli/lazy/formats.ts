export { openFiles } from "../../files/index.ts";
export { checkWritable, isSameDirectory, writeFileAtomic } from "../../files/node.ts";
export { openDirectory, openSafetensors, safetensorsChunks } from "../../formats/index.ts";
