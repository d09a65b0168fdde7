import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cli, Person } from "../../test/helpers/cli.ts";
import { fixture } from "../../test/helpers/fixtures.ts";
import { collectFeedback } from "../feedback/index.ts";

const [CTRL_C, CTRL_D, UP] = ["\u0003", "\u0004", "\u001b[A"];
const chat = fixture("models/llama_chat");
const story = fixture("models/gpt2");
const greedy = ["--set", "do_sample=false", "--set", "eos_token_id=null"];

const temporary = async (name: string): Promise<string> => join(await mkdtemp(join(tmpdir(), "lectern-")), name);

test("a conversation keeps its messages, saves them, and goes on from the file", async () => {
  const file = await temporary("chat.json");
  const person = new Person(["run", chat, "--system", "Be a fox.", "--max-new-tokens", "3", ...greedy]);
  await person.after("> ", "Hi\r");
  await person.after("context: ");
  await person.after("> ", `/save ${file}\r`);
  await person.after(`saved to ${file}`);
  await person.after("> ", CTRL_D);
  expect(await person.result).toBe(0);
  const { messages } = JSON.parse(await readFile(file, "utf8")) as { messages: { role: string; content: string }[] };
  expect(messages.map(({ role }) => role)).toEqual(["system", "user", "assistant"]);
  expect(messages.map(({ content }) => content).slice(0, 2)).toEqual(["Be a fox.", "Hi"]);

  const later = new Person(["run", chat, "--messages", file, "--max-new-tokens", "3", ...greedy]);
  await later.after("> ", "/system\r");
  await later.after("Be a fox.");
  await later.after("> ", "/system Be a dog.\r");
  await later.after("> ", "/clear\r");
  await later.after("> ", `/save ${file}\r`);
  await later.after("saved to");
  await later.after("> ", "/bye\r");
  expect(await later.result).toBe(0);
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ messages: [{ role: "system", content: "Be a dog." }] });
});

test("the next turn reports how much of its prompt was cached, and --prefix-cache 0 keeps nothing", async () => {
  const reports: string[] = [];
  for (const flags of [[], ["--prefix-cache", "0"]]) {
    const person = new Person([
      "run",
      chat,
      "--system",
      "You are a fox.",
      "--max-new-tokens",
      "3",
      ...greedy,
      ...flags,
    ]);
    for (const message of ["Who are you?\r", "Where?\r"]) {
      await person.after("> ", message);
      await person.after("[context: ");
      reports.push(await person.after("]"));
    }
    await person.after("> ", CTRL_D);
    expect(await person.result).toBe(0);
  }
  expect(reports.map((report) => /; prompt: \d+ new, [1-9]\d+ cached\]/.test(report))).toEqual([
    false,
    true,
    false,
    false,
  ]);
  const { err } = await cli(["run", chat, "Hi", "--prefix-cache", "some"]);
  expect(err).toContain("--prefix-cache takes a whole number from 0; got some");
});

test("without a chat template a text is continued; an empty line asks for more; lines between quotes are one", async () => {
  const file = await temporary("story.txt");
  const person = new Person(["run", story, "--max-new-tokens", "2", ...greedy]);
  await person.after("Type the start of a text");
  await person.after("> ", '"""The fox\r');
  await person.after("… ", 'ran"""\r');
  await person.after("context: ");
  await person.after("> ", "\r");
  await person.after("context: ");
  await person.after("> ", `/save ${file}\r`);
  await person.after("saved to");
  await person.after("> ", CTRL_D);
  expect(await person.result).toBe(0);
  const twice = new Person(["run", story, "--max-new-tokens", "4", ...greedy]);
  const other = await temporary("story.txt");
  await twice.after("> ", '"""The fox\rran"""\r');
  await twice.after("context: ");
  await twice.after("> ", `/save ${other}\r`);
  await twice.after("saved to");
  await twice.after("> ", CTRL_D);
  const text = await readFile(file, "utf8");
  expect(text.startsWith("The fox\nran")).toBe(true);
  expect(text).toBe(await readFile(other, "utf8"));
});

test("Ctrl-C stops an answer and keeps the conversation; a second one ends it with 130", async () => {
  const person = new Person(["run", "stories", "--max-new-tokens", "400", ...greedy]);
  await person.after("> ", "Once upon a time\r");
  await person.after(" the ", CTRL_C);
  expect(await person.after("tokens]")).toMatch(/\[stopped; context: \d+ of 512 tokens\]/);
  await person.after("> ", "/set\r");
  await person.after('"maxNewTokens": 400');
  await person.after("> ", CTRL_C);
  await person.after("Ctrl-C again");
  await person.after("> ", CTRL_C);
  expect(await person.result).toBe(130);
});

test("Ctrl-C directly after a stopped answer ends with 130", async () => {
  const person = new Person(["run", "stories", "--max-new-tokens", "400", ...greedy]);
  await person.after("> ", "Once upon a time\r");
  await person.after(" the ", CTRL_C);
  await person.after("stopped");
  await person.after("> ", CTRL_C);
  expect(await person.result).toBe(130);
});

test("options are set, listed, reset, and refused with the reason; the last line is recalled by the arrow", async () => {
  const person = new Person(["run", story, "--max-new-tokens", "2"]);
  await person.after("> ", "/set top-k 7\r");
  await person.after("> ", "/set\r");
  await person.after('"topK": 7');
  await person.after("> ", "/set parameter temperature -3\r");
  await person.after("temperature");
  await person.after("got -3");
  await person.after("> ", "/set topK\r");
  await person.after("> ", "/set\r");
  expect(await person.after("}")).not.toContain("topK");
  await person.after("> ", "/flap\r");
  await person.after("unknown command /flap; /help lists");
  await person.after("> ", `${UP}\r`);
  await person.after("unknown command /flap");
  await person.after("> ", "/help\r");
  await person.after("/save FILE");
  await person.after("> ", "/system x\r");
  await person.after("/system needs a model with a chat template");
  await person.after("> ", "/save\r");
  await person.after("/save needs a file name");
  await person.after("> ", "/bye\r");
  expect(await person.result).toBe(0);
});

test("a full context window is explained and the conversation goes on", async () => {
  const person = new Person(["run", story, "--max-new-tokens", "2", ...greedy]);
  await person.after("> ", `${"The fox ran. ".repeat(30)}\r`);
  await person.after("64");
  await person.after("> ", "/clear\r");
  await person.after("cleared");
  await person.after("> ", "The fox\r");
  await person.after("of 64 tokens]");
  await person.after("> ", CTRL_D);
  expect(await person.result).toBe(0);
});

test("/good, /bad and /better store judgements of the last answer", async () => {
  const directory = await temporary("feedback");
  const person = new Person(["run", story, "--feedback", directory, "--max-new-tokens", "2", ...greedy]);
  await person.after("> ", "/good\r");
  await person.after("judges the last answer, and there is none yet");
  await person.after("> ", "Once\r");
  await person.after("context: ");
  await person.after("> ", "/bad\r");
  await person.after("stored in");
  await person.after("> ", "/better\r");
  await person.after("/better needs the better answer");
  await person.after("> ", "/better upon a time\r");
  await person.after("stored in");
  await person.after("> ", "/bye\r");
  expect(await person.result).toBe(0);
  const { entries } = await collectFeedback([directory]);
  expect(entries).toMatchObject([{ source: "run", model: story, prompt: "Once", better: "upon a time" }]);
  const off = new Person(["run", story, ...greedy]);
  await off.after("> ", "/good\r");
  await off.after("start with run --feedback DIRECTORY");
  await off.after("> ", "/bye\r");
  expect(await off.result).toBe(0);
});
