import { check, LecternError } from "../common/index.ts";
import type { Encoder } from "./encoder.ts";
import type { Passage } from "./index-file.ts";
import type { FoundPassage, PassageIndex, SearchOptions, SearchResult } from "./passage-index.ts";

/** The part of a SQLite driver that is used; better-sqlite3, libsql and node:sqlite have it. */
export interface SqliteDatabase {
  /** Runs statements without values. */
  exec(sql: string): unknown;
  /** Prepares one statement. */
  prepare(sql: string): {
    /** Runs it with values. */
    run(...values: (string | number | bigint | Uint8Array | null)[]): unknown;
    /** Runs it with values, and returns the rows. */
    all(...values: (string | number | bigint | Uint8Array | null)[]): unknown[];
  };
}

const TABLES = `
  drop table if exists lectern_vectors;
  drop table if exists lectern_passages;
  drop table if exists lectern_index;
  create table lectern_passages (id integer primary key, file text, first_line integer, last_line integer, text text, heading text);
  create table lectern_index (fingerprint text, threshold real);`;

/**
 * Writes the passages and vectors of an index into a database with the extension sqlite-vec, where they can be joined with other
 * tables and changed one by one. Tables: `lectern_passages`, `lectern_vectors` (vec0, cosine), `lectern_index`; they are replaced.
 *
 * @param database a database in which sqlite-vec is loaded: `sqliteVec.load(database)`
 * @returns the number of passages
 * @throws LecternError with code `usage` for an index without vectors, or a database without sqlite-vec
 */
export function writeSqlite(database: SqliteDatabase, index: PassageIndex): number {
  const { passages, vectors, encoder } = index;
  check(encoder && vectors.length > 0, "usage", () => "writeSqlite: the index has no vectors: index with an encoder");
  checkExtension(database);
  database.exec("begin");
  try {
    database.exec(TABLES);
    database.exec(
      `create virtual table lectern_vectors using vec0(embedding float[${vectors[0]?.length}] distance_metric=cosine)`,
    );
    database.prepare("insert into lectern_index values (?, ?)").run(encoder.fingerprint, index.threshold("vectors"));
    const passage = database.prepare("insert into lectern_passages values (?, ?, ?, ?, ?, ?)");
    const row = database.prepare("insert into lectern_vectors (rowid, embedding) values (?, ?)");
    for (const [i, { file, from, to, text, heading = null }] of passages.entries()) {
      passage.run(i + 1, file, from, to, text, heading);
      row.run(BigInt(i + 1), bytesOf(vectors[i] as Float32Array)); // vec0 takes rowids as integers alone
    }
    database.exec("commit");
  } catch (error) {
    database.exec("rollback");
    throw error;
  }
  return passages.length;
}

/** An index in a database with sqlite-vec, which `ask` searches as it does a `PassageIndex`. */
export class SqliteIndex {
  readonly #database: SqliteDatabase;
  readonly #encoder: Encoder;
  readonly #threshold: number;

  /**
   * @param database one that `writeSqlite` wrote, with sqlite-vec loaded
   * @param encoder the encoder of the index
   * @throws LecternError where the tables are missing, or were made with another encoder
   */
  constructor(database: SqliteDatabase, encoder: Encoder) {
    checkExtension(database);
    const [own] = rowsOf<{ fingerprint: string; threshold: number }>(database, "select * from lectern_index", []);
    check(own, "file", () => "SqliteIndex: the table lectern_index is empty: write it with writeSqlite");
    check(
      own.fingerprint === encoder.fingerprint,
      "file",
      () => `SqliteIndex: the vectors were made with another encoder than ${encoder.name}: write them again`,
    );
    [this.#database, this.#encoder, this.#threshold] = [database, encoder, own.threshold];
  }

  /** The passages nearest to a question, as `PassageIndex.search` gives them; files are not compared with their passages. */
  async search(
    question: string,
    { topK = 5, minScore = this.#threshold, signal }: Pick<SearchOptions, "topK" | "minScore" | "signal"> = {},
  ): Promise<SearchResult> {
    check(question.trim() !== "", "input", () => "search: the question is empty");
    const [vector] = await this.#encoder.embed([question], "question", signal);
    const rows = rowsOf<Passage & { distance: number; heading: string | null }>(
      this.#database,
      `select file, first_line as "from", last_line as "to", text, heading, distance
       from lectern_vectors join lectern_passages on id = lectern_vectors.rowid
       where embedding match ? and k = ? order by distance`,
      [bytesOf(vector as Float32Array), topK],
    );
    const all = rows.map(({ file, from, to, text, heading, distance }): FoundPassage => {
      const score = 1 - distance;
      return { file, from, to, text, ...(heading !== null && { heading }), score };
    });
    const passages = all.filter(({ score }) => score >= minScore);
    return { method: "vectors", passages, threshold: minScore, bestScore: all[0]?.score ?? 0, changed: [] };
  }
}

function rowsOf<Row>(database: SqliteDatabase, sql: string, values: (Uint8Array | number)[]): Row[] {
  try {
    return database.prepare(sql).all(...values) as Row[];
  } catch (cause) {
    throw new LecternError("file", `the database cannot be searched: ${(cause as Error).message}`, { cause });
  }
}

function checkExtension(database: SqliteDatabase): void {
  try {
    database.prepare("select vec_version()").all();
  } catch (cause) {
    throw new LecternError(
      "usage",
      "the database lacks sqlite-vec: npm install sqlite-vec, then load it with sqliteVec.load(database)",
      { cause },
    );
  }
}

const bytesOf = (vector: Float32Array): Uint8Array =>
  new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
