export { openDirectory, openSafetensors, safetensorsChunks } from "../../formats/index.ts";
export { checkWritable, isSameDirectory, writeFileAtomic } from "../../formats/write-file.ts";
export { openFiles } from "../../runtime/index.ts";
