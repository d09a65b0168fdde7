export { derivedFile, openFiles } from "#files";
export type { DerivedFile, FileSource } from "./file-source.ts";
