import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { collectFeedback, preferencePairs } from "../../src/feedback/index.ts";
import { loadTokenizer } from "../../src/index.ts";
import { cli } from "../helpers/cli.ts";
import { chatModel, get, post, started } from "./server.ts";

const work = mkdtempSync(join(tmpdir(), "feedback-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe("POST /v1/feedback", () => {
  test("stores thumbs and better answers with prompt and answer, until finetune reads them", async () => {
    const directory = join(work, "kept");
    const models = [{ name: "chat", location: chatModel }, "stories"];
    await using server = await started({ models, feedback: directory });
    const answers: { id: string; text: string }[] = [];
    for (const seed of [1, 2]) {
      const request = { model: "stories", prompt: "Once upon a time", max_tokens: 8, seed };
      const { body } = await post(`${server.url}/v1/completions`, request);
      answers.push({ id: body.id, text: body.choices[0].text });
    }
    const url = `${server.url}/v1/feedback`;
    const up = await post(url, { response_id: answers[0]?.id, rating: "up" });
    expect(up).toMatchObject({ status: 200, body: { object: "feedback", index: 0, rating: "up" } });
    expect((await post(url, { response_id: answers[1]?.id, rating: "down", comment: "dull" })).status).toBe(200);
    const messages = [{ role: "user", content: "Hello" }];
    const chat = await post(`${server.url}/v1/chat/completions`, { model: "chat", messages, stream: true });
    const [first] = String(chat.body).split("\n");
    const { id } = JSON.parse((first as string).slice("data: ".length));
    expect((await post(url, { response_id: id, better_answer: "Good day!" })).status).toBe(200);
    const message = { model: "chat", messages, max_tokens: 5 };
    const anthropic = await post(`${server.url}/v1/messages`, message);
    expect((await post(url, { response_id: anthropic.body.id, rating: "up" })).status).toBe(200);

    const { entries, faulty } = await collectFeedback([directory]);
    expect(faulty).toEqual([]);
    expect(entries.map(({ rating, better }) => rating ?? better)).toEqual(["up", "down", "Good day!", "up"]);
    expect(entries[0]).toMatchObject({ model: "stories", prompt: "Once upon a time", answer: answers[0]?.text });
    const tokenizer = await loadTokenizer(chatModel);
    const asked = tokenizer?.applyChatTemplate([{ role: "user", content: "Hello" }]);
    expect(entries[2]?.prompt).toBe(asked);

    const out = join(work, "pairs.jsonl");
    const listed = await cli(["project", "feedback", directory, "--out", out]);
    expect(listed.out).toContain("4 judgements: 2 up, 1 down, 1 better answer\n2 pairs in");
    const pairs = readFileSync(out, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(pairs).toContainEqual({ prompt: "Once upon a time", chosen: answers[0]?.text, rejected: answers[1]?.text });

    const many = Array.from({ length: 6 }, () => JSON.stringify(pairs.find(({ prompt }) => prompt.startsWith("Once"))));
    writeFileSync(out, `${many.join("\n")}\n`);
    const tuned = join(work, "tuned");
    const options = ["--epochs", "1", "--batch-size", "2", "--max-length", "32", "--validation", out, "--json"];
    const finetuned = await cli(["finetune", "stories", out, "--task", "preference", "--out", tuned, ...options]);
    expect(finetuned.err).not.toContain("lectern:");
    expect(finetuned.code).toBe(0);
    expect(readdirSync(tuned)).toContain("model.safetensors");
  }, 300_000);

  test("a hundred at once are a hundred lines, and the last judgement of an answer counts", async () => {
    const directory = join(work, "many");
    await using server = await started({ models: ["stories"], feedback: directory });
    const request = { model: "stories", prompt: "The fox", max_tokens: 2, n: 4, seed: 1 };
    const { body } = await post(`${server.url}/v1/completions`, request);
    const url = `${server.url}/v1/feedback`;
    const all = Array.from({ length: 100 }, (_, i) =>
      post(url, { response_id: body.id, index: i % 4, rating: i < 96 ? "up" : "down", comment: "x".repeat(5000) }),
    );
    expect((await Promise.all(all)).every(({ status }) => status === 200)).toBe(true);
    const [file] = readdirSync(directory);
    const lines = readFileSync(join(directory, file as string), "utf8")
      .trim()
      .split("\n");
    expect(lines).toHaveLength(100);
    for (const line of lines) JSON.parse(line);
    expect((await collectFeedback([directory])).entries).toHaveLength(4);
  });

  test("what it cannot store is refused with the reason", async () => {
    await using server = await started({ models: ["stories"], feedback: join(work, "refused") });
    const url = `${server.url}/v1/feedback`;
    const { body } = await post(`${server.url}/v1/completions`, { model: "stories", prompt: "A", max_tokens: 1 });
    const cases: [object, number, string][] = [
      [{ response_id: body.id }, 400, "give rating (up or down), better_answer, or both"],
      [{ response_id: body.id, rating: "good" }, 400, "rating"],
      [{ response_id: body.id, rating: "up", index: 1 }, 400, "the response has 1 answers"],
      [{ response_id: "cmpl-0", rating: "up" }, 404, "does not know the response"],
      [{ rating: "up" }, 400, "response_id"],
      [{ response_id: body.id, rating: "up", stars: 5 }, 400, "stars"],
    ];
    for (const [request, status, reason] of cases) {
      const answer = await post(url, request);
      expect([answer.status, answer.body.error.message]).toEqual([status, expect.stringContaining(reason)]);
    }
    const document = (await get(`${server.url}/openapi.json`)).body;
    expect(document.paths["/v1/feedback"].post.requestBody).toBeDefined();
  });

  test("is off unless a directory is named, and a directory that cannot be written ends the start", async () => {
    await using server = await started({ models: ["stories"] });
    const off = await post(`${server.url}/v1/feedback`, { response_id: "x", rating: "up" });
    expect(off).toMatchObject({ status: 404, body: { error: { code: "feedback_off" } } });
    writeFileSync(join(work, "file"), "");
    await expect(started({ models: ["stories"], feedback: join(work, "file", "x") })).rejects.toThrow(
      "cannot be written",
    );
  });
});

const isAdministrator = process.platform === "linux" && process.getuid?.() === 0;

test.skipIf(!isAdministrator)(
  "a full disk is a 507, and keeps no half line (an administrator's test, with mount)",
  async (context) => {
    const disk = join(work, "disk");
    mkdirSync(disk);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8k", "tmpfs", disk]);
    if (mounted.status !== 0) return context.skip("mount is not permitted here");
    try {
      await using server = await started({ models: ["stories"], feedback: disk });
      const { body } = await post(`${server.url}/v1/completions`, { model: "stories", prompt: "A", max_tokens: 1 });
      const give = (comment: string) =>
        post(`${server.url}/v1/feedback`, { response_id: body.id, rating: "up", comment });
      expect((await give("first")).status).toBe(200);
      const full = await give("x".repeat(20_000));
      expect(full).toMatchObject({ status: 507, body: { error: { code: "storage_full" } } });
      expect((await give("last")).status).toBe(200);
      const { entries, faulty } = await collectFeedback([disk]);
      expect([entries.length, entries[0]?.comment, faulty]).toEqual([1, "last", []]);
    } finally {
      spawnSync("umount", [disk]);
    }
  },
);

describe("pairs of feedback", () => {
  const entry = { time: "2026-01-01", index: 0, source: "run", model: "m", prompt: "p" } as const;

  test("a better answer begins as the model's own, and answers with both thumbs say nothing", () => {
    const entries = [
      { ...entry, id: "1", answer: " dull", better: "bright" },
      { ...entry, id: "2", answer: " fine", rating: "up" as const },
      { ...entry, id: "3", answer: " poor", rating: "down" as const },
      { ...entry, id: "4", answer: " mixed", rating: "up" as const },
      { ...entry, id: "5", answer: " mixed", rating: "down" as const },
      { ...entry, id: "6", answer: " lone", prompt: "q", rating: "up" as const },
    ];
    expect(preferencePairs(entries)).toEqual({
      pairs: [
        { prompt: "p", chosen: " bright", rejected: " dull" },
        { prompt: "p", chosen: " fine", rejected: " poor" },
      ],
      alone: 1,
      contradictory: 1,
    });
  });

  test("a line that is cut off is left out and named", async () => {
    const path = join(work, "cut.jsonl");
    writeFileSync(path, `${JSON.stringify({ ...entry, id: "1", answer: "a", rating: "up" })}\n{"time": "2026`);
    const { entries, faulty } = await collectFeedback([path]);
    expect(entries).toHaveLength(1);
    expect(faulty).toEqual([expect.stringContaining("cut.jsonl, line 2 is not JSON")]);
    const listed = await cli(["project", "feedback", path, "--json"]);
    expect(JSON.parse(listed.out)).toMatchObject({ judgements: 1, pairs: 0, alone: 1, faulty: 1 });
    expect((await cli(["project", "feedback", join(work, "none")])).err).toContain("cannot be read");
  });
});
