export {
  absoluteLocation,
  appendToFile,
  checkWritable,
  derivedFile,
  isSameDirectory,
  joinPath,
  makeDirectory,
  openFiles,
  removeDeadParts,
  withOnlyLock,
  writeFileAtomic,
} from "#files";
export type { DerivedFile, FileSource } from "./file-source.ts";
