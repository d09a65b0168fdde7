import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bm25 } from "./bm25.ts";
import {
  ask,
  type Encoder,
  evaluateRetrieval,
  INDEX_NAME,
  indexFolder,
  openIndex,
  readQuestions,
  SqliteIndex,
  writeSqlite,
} from "./index.ts";
import { termsOf } from "./words.ts";

let folder = "";
const write = (path: string, content: string | Uint8Array): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
};
const indexPath = (): string => join(folder, INDEX_NAME);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "retrieval-"));
  write("owls.md", "# Owls\n\nOwls hear mice under deep snow.\n");
  write("birds/crows.txt", "Crows solve puzzles with sticks.\nThey remember faces for years.\n");
  write("bees.md", "# Bees\n\nBees dance to show where flowers are.\n");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Vectors that count a few words, and the number of texts that were encoded. */
function wordEncoder(fingerprint = "words"): Encoder & { encoded: string[] } {
  const known = ["owls", "crows", "bees", "mice", "sticks", "flowers", "faces"];
  const encoded: string[] = [];
  return {
    name: "words",
    fingerprint,
    questionPrompt: "",
    passagePrompt: "",
    passageTokens: 256,
    encoded,
    count: (text) => termsOf(text).length,
    async embed(texts, of) {
      if (of === "passage") encoded.push(...texts);
      return texts.map((text) => {
        const own = new Set(termsOf(text));
        const vector = Float32Array.from([...known.map((word) => Number(own.has(word))), 0.1]);
        const norm = Math.hypot(...vector);
        return vector.map((x) => x / norm);
      });
    },
  };
}

describe("an index of a folder", () => {
  test("finds a passage by its words, and names its file and lines", async () => {
    const report = await indexFolder(folder);
    expect(report).toMatchObject({ files: 3, passages: 3, unchanged: 0, removed: 0, skipped: [] });
    const index = await openIndex(report.path);
    const { method, passages } = await index.search("Do crows remember faces?");
    expect(method).toBe("bm25");
    expect(passages[0]).toMatchObject({ file: "birds/crows.txt", from: 1, to: 2 });
    expect(passages[0]?.text).toContain("remember faces");
  });

  test("encodes only what changed, and forgets what is gone", async () => {
    const encoder = wordEncoder();
    await indexFolder(folder, { encoder });
    expect(encoder.encoded).toHaveLength(3);
    write("bees.md", "Bees sleep at night.");
    rmSync(join(folder, "owls.md"));
    write("ants.md", "Ants carry leaves.");
    const report = await indexFolder(folder, { encoder });
    expect(report).toMatchObject({ files: 3, unchanged: 1, removed: 1 });
    expect(encoder.encoded.slice(3)).toEqual(["Ants carry leaves.", "Bees sleep at night."]);
    const index = await openIndex(indexPath(), async () => encoder);
    expect(index.passages.map(({ file }) => file)).toEqual(["ants.md", "bees.md", "birds/crows.txt"]);
    expect(index.vectors).toHaveLength(3);
    expect((await index.search("crows and sticks", { minScore: 0 })).passages[0]?.file).toBe("birds/crows.txt");
  });

  test("is made anew with another encoder or another size", async () => {
    await indexFolder(folder, { encoder: wordEncoder() });
    const other = wordEncoder("other");
    expect(await indexFolder(folder, { encoder: other })).toMatchObject({ rebuilt: "the encoder changed" });
    expect(other.encoded).toHaveLength(3);
    const report = await indexFolder(folder, { encoder: other, size: 50 });
    expect(report).toMatchObject({ rebuilt: "the size of passages changed", unchanged: 0 });
    await expect(openIndex(indexPath(), async () => wordEncoder())).rejects.toThrow("was made with another encoder");
  });

  test("has the same bytes each time", async () => {
    await indexFolder(folder, { encoder: wordEncoder() });
    const first = readFileSync(indexPath());
    await indexFolder(folder, { encoder: wordEncoder(), fresh: true });
    expect(readFileSync(indexPath()).equals(first)).toBe(true);
  });

  test("is found where the folder has moved", async () => {
    await indexFolder(folder);
    const moved = mkdtempSync(join(tmpdir(), "moved-"));
    for (const name of ["owls.md", "bees.md", "birds/crows.txt", INDEX_NAME]) {
      mkdirSync(dirname(join(moved, name)), { recursive: true });
      writeFileSync(join(moved, name), readFileSync(join(folder, name)));
    }
    rmSync(folder, { recursive: true });
    const { passages } = await (await openIndex(join(moved, INDEX_NAME))).search("Where do bees find flowers?");
    expect(passages[0]?.file).toBe("bees.md");
    rmSync(moved, { recursive: true });
  });

  test("finds nothing where no passage is near", async () => {
    const encoder = wordEncoder();
    await indexFolder(folder, { encoder });
    const index = await openIndex(indexPath(), async () => encoder);
    for (const method of ["bm25", "vectors"] as const) {
      const found = await index.search("Which tax form do freelancers need?", { method, minScore: 0.5 });
      expect(found.passages).toEqual([]);
      expect(found.bestScore).toBeLessThan(found.threshold);
    }
    expect(await ask(index, "zebra", { method: "bm25" })).toMatchObject({ isFound: false, citations: [] });
  });

  test("cites no passage of a file that changed", async () => {
    await indexFolder(folder);
    const index = await openIndex(indexPath());
    write("birds/crows.txt", "Nothing about them any more.\n");
    const { passages, changed } = await index.search("Do crows remember faces?");
    expect(changed).toEqual(["birds/crows.txt"]);
    expect(passages.map(({ file }) => file)).not.toContain("birds/crows.txt");
    const unverified = await index.search("Do crows remember faces?", { verify: false });
    expect(unverified.passages[0]?.file).toBe("birds/crows.txt");
    appendFileSync(join(folder, "owls.md"), "Lines behind a passage change nothing.\n");
    expect((await index.search("Do owls hear mice?")).passages[0]?.file).toBe("owls.md");
  });
});

describe("files that are left out", () => {
  test("have a reason, where their names fit", async () => {
    write("latin.md", Uint8Array.of(0x63, 0x61, 0x66, 0xe9));
    write("binary.md", Uint8Array.of(1, 0, 2));
    write(".hidden/secret.md", "secret");
    write("node_modules/x/readme.md", "a package");
    write("draft/idea.md", "an idea");
    write("code.py", "print()");
    symlinkSync("/etc/hostname", join(folder, "link.md"));
    const { skipped, files } = await indexFolder(folder, { exclude: ["draft"] });
    expect(skipped).toEqual([
      { path: "binary.md", reason: "not text: it holds zero bytes" },
      { path: "latin.md", reason: "not UTF-8" },
    ]);
    expect(files).toBe(3);
    expect((await indexFolder(folder, { extensions: ["py"] })).files).toBe(1);
  });

  test("a folder without texts, a file in place of one, and none", async () => {
    const empty = mkdtempSync(join(tmpdir(), "empty-"));
    await expect(indexFolder(empty)).rejects.toThrow("holds no text file of the usual extensions");
    await expect(indexFolder(join(folder, "owls.md"))).rejects.toThrow(/owls\.md/);
    await expect(indexFolder(join(folder, "none"))).rejects.toThrow("none");
    rmSync(empty, { recursive: true });
  });
});

describe("a file that is no index", () => {
  test("is refused with its reason: cut, changed, of a later version, of another kind, missing", async () => {
    const { path } = await indexFolder(folder, { encoder: wordEncoder() });
    const whole = readFileSync(path);
    const cases: [Uint8Array, string][] = [
      [whole.subarray(0, whole.length - 4), "is damaged: its checksum differs"],
      [Buffer.from(whole).fill(0xff, 60, 61), "is damaged: its checksum differs"],
      [Buffer.from(whole).fill(9, 8, 9), "is an index of version 9"],
      [whole.subarray(0, 20), "is no index"],
      [Buffer.from("{}"), "is no index"],
    ];
    for (const [bytes, reason] of cases) {
      writeFileSync(path, bytes);
      await expect(openIndex(path)).rejects.toThrow(reason);
    }
    await expect(indexFolder(folder)).rejects.toThrow("is no index");
    rmSync(path);
    await expect(openIndex(path)).rejects.toThrow("there is no such file");
  });

  test("while another process writes the index, the second is refused", async () => {
    const both = await Promise.allSettled([indexFolder(folder), indexFolder(folder)]);
    const failed = both.filter(({ status }) => status === "rejected");
    expect(failed).toHaveLength(1);
    expect(String((failed[0] as PromiseRejectedResult).reason)).toContain("is being written by process");
  });

  test.each([
    [{ size: 0 }, "size must be a whole number above 0"],
    [{ size: 300 }, "size 300 is more than the 224 tokens that the encoder reads"],
    [{ size: 20, overlap: 20 }, "overlap 20 must be less than the size 20"],
    [{ encoder: 5 }, "encoder must be an object"],
    [{ sise: 5 }, "there is no option sise"],
  ])("options that do not fit: %j", async (options, reason) => {
    const all = { encoder: wordEncoder(), ...options } as never;
    await expect(indexFolder(folder, all)).rejects.toThrow(reason);
  });

  test("a question that is empty, a method without vectors, an unknown option", async () => {
    const index = await openIndex((await indexFolder(folder)).path);
    await expect(index.search(" ")).rejects.toThrow("the question is empty");
    await expect(index.search("x", { method: "vectors" })).rejects.toThrow("has no vectors");
    await expect(index.search("x", { topk: 3 } as never)).rejects.toThrow("there is no option topk");
  });
});

test("BM25 equals the formula, computed by hand", () => {
  const texts = ["a b b", "a c", "d"];
  const scores = new Bm25(texts).scores("b c b unknown");
  const idf = (df: number) => Math.log(1 + (3 - df + 0.5) / (df + 0.5));
  const part = (tf: number, length: number) => (tf * 2.2) / (tf + 1.2 * (0.25 + (0.75 * length) / 2));
  const most = 2.2 * (idf(1) + idf(1) + idf(0));
  expect(scores[0]).toBeCloseTo((idf(1) * part(2, 3)) / most, 12);
  expect(scores[1]).toBeCloseTo((idf(1) * part(1, 2)) / most, 12);
  expect(scores[2]).toBe(0);
});

test("a database with sqlite-vec finds what the flat index finds", async () => {
  const { default: Database } = await import("libsql");
  const { load } = await import("sqlite-vec");
  const encoder = wordEncoder();
  const index = await openIndex((await indexFolder(folder, { encoder })).path, async () => encoder);
  const database = new Database(":memory:");
  expect(() => writeSqlite(database, index)).toThrow("lacks sqlite-vec");
  load(database);
  expect(writeSqlite(database, index)).toBe(3);
  expect(writeSqlite(database, index)).toBe(3);
  const stored = new SqliteIndex(database, encoder);
  const near = { minScore: 0.2 };
  for (const question of ["crows and faces", "bees", "owls or mice"]) {
    const [flat, own] = [await index.search(question, near), await stored.search(question, near)];
    expect(own.passages.map(({ text }) => text)).toEqual(flat.passages.map(({ text }) => text));
    for (const [i, { score }] of own.passages.entries()) expect(score).toBeCloseTo(flat.passages[i]?.score ?? 0, 5);
  }
  expect((await ask(stored, "crows and faces", near)).citations[0]).toMatchObject({ file: "birds/crows.txt", from: 1 });
  expect(() => new SqliteIndex(database, wordEncoder("other"))).toThrow("made with another encoder");
  database.close();
});

describe("questions about a folder", () => {
  const questions = (lines: readonly object[]): string => {
    write("questions.jsonl", lines.map((line) => JSON.stringify(line)).join("\n"));
    return join(folder, "questions.jsonl");
  };

  test("recall, reciprocal rank and both errors of the threshold are counted", async () => {
    const index = await openIndex((await indexFolder(folder)).path);
    const items = await readQuestions(
      questions([
        { question: "Do owls hear mice?", file: "owls.md", quote: "hear mice" },
        { question: "Do crows remember faces?", file: "birds/crows.txt", lines: [2, 2] },
        { question: "Where do bees dance?", file: "owls.md", lines: [1, 1] },
        { question: "quark?" },
      ]),
      folder,
    );
    const quality = await evaluateRetrieval(index, items, { topK: 1 });
    expect(quality.ranks).toEqual([1, 1, undefined, undefined]);
    expect(quality.recall).toMatchObject({ value: 2 / 3, count: 3 });
    expect(quality.meanReciprocalRank).toBeCloseTo(2 / 3, 12);
    expect(quality.refused).toMatchObject({ value: 1, count: 1 });
  });

  test.each([
    [{ question: "" }, "question must be a text"],
    [{ question: "x", lines: [1, 2] }, "lines and quote need file"],
    [{ question: "x", file: "owls.md", lines: [2, 1] }, "lines as [from, to]"],
    [{ question: "x", file: "owls.md" }, "give quote, or lines"],
    [{ question: "x", file: "owls.md", quote: "never written" }, "it does not"],
    [{ question: "x", file: "owls.md", quote: "wls" }, "it does more often"],
    [{ question: "x", file: "none.md", quote: "x" }, "no file"],
    [{ question: "x", answer: 5 }, "answer must be a text"],
  ])("a faulty line, %j, is refused with its number", async (line, reason) => {
    const path = questions([{ question: "fine" }, line]);
    await expect(readQuestions(path, folder)).rejects.toThrow(reason);
    await expect(readQuestions(path, folder)).rejects.toThrow("line 2");
  });
});
