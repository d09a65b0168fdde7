/** Parts that need Node: atomic writing, locks, the cache folder of derived files. */
export { derivedFolder } from "./derived-node.ts";
export { isBusy, withLock, withOnlyLock } from "./lock.ts";
export { isDead, isPart, partPath, removeDeadParts } from "./part-files.ts";
export { pause } from "./pause.ts";
export { appendToFile, checkWritable, isSameDirectory, makeDirectory, writeFileAtomic } from "./write-file.ts";
