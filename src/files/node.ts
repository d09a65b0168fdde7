/** Parts that need Node: locks, unfinished files, the cache folder of derived files. */
export { derivedFolder } from "./derived-node.ts";
export { isBusy, withLock } from "./lock.ts";
export { makeFolder } from "./make-folder.ts";
export { isDead, isPart, partPath, removeDeadParts } from "./part-files.ts";
export { pause } from "./pause.ts";
export { digestOf } from "./sampled-digest-node.ts";
export { readTextFile } from "./text-file-node.ts";
export { appendToFile, checkWritable, isSameDirectory, makeDirectory, writeFileAtomic } from "./write-file.ts";
