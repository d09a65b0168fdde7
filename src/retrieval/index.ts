/**
 * Answers questions from a folder of text files: an index of passages with an encoder's vectors or for BM25, an exact search,
 * answers with the file and the lines that they come from. Reads and writes files of this machine.
 *
 * @module lectern/retrieval
 */
export { type Answered, type AskOptions, ask, askPrompt, type Citation, type Searchable } from "./ask.ts";
export { type Encoder, type EncoderOptions, modelEncoder } from "./encoder.ts";
export {
  type AnswerQuality,
  evaluateAnswers,
  evaluateRetrieval,
  type Place,
  type RetrievalItem,
  type RetrievalOptions,
  type RetrievalQuality,
  readQuestions,
  type Share,
} from "./evaluate.ts";
export { type FolderFile, type FolderOptions, filesOf, type SkippedFile, textExtensions } from "./folder-files.ts";
export type { IndexContent, IndexedEncoder, IndexedFile, Passage } from "./index-file.ts";
export { INDEX_NAME, type IndexOptions, type IndexProgress, type IndexReport, indexFolder } from "./index-folder.ts";
export {
  type FoundPassage,
  openIndex,
  PassageIndex,
  type SearchMethod,
  type SearchOptions,
  type SearchResult,
} from "./passage-index.ts";
export { type SqliteDatabase, SqliteIndex, writeSqlite } from "./sqlite.ts";
