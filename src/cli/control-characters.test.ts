import { expect, test } from "vitest";
import { cli } from "../../test/helpers/cli.ts";
import { fixture } from "../../test/helpers/fixtures.ts";
import { visibleControls } from "./control-characters.ts";
import { Terminal } from "./terminal.ts";

test.each([
  ["\u001b[2J", "\\u001b[2J"],
  ["\u001b]52;c;aGk=\u0007", "\\u001b]52;c;aGk=\\u0007"], // sets the clipboard
  ["\u009b31m", "\\u009b31m"], // the same as ESC [, in one character
  ["a\rb", "a\\u000db"],
  ["a\r\nb\tc", "a\r\nb\tc"],
  ["\u0008\u007f\u0000", "\\u0008\\u007f\\u0000"],
  ["\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"],
  ["möchte 東京 👩‍🚀 ́é", "möchte 東京 👩‍🚀 ́é"],
])("shows %j as %j", (text, shown) => {
  expect(visibleControls(text)).toBe(shown);
});

const gpt2 = fixture("models/gpt2");
const attack = "\u001b]0;owned\u0007\u202e";

test("a terminal gets text from anywhere without its control characters, a pipe gets it as it is", async () => {
  const echo = ["run", gpt2, attack, "--max-new-tokens", "1"];
  expect((await cli(echo, { isTTY: true })).out).toContain("\\u001b]0;owned\\u0007\\u202e");
  expect((await cli(echo)).out).toContain(attack);
  expect((await cli([...echo, "--raw"], { isTTY: true })).out).toContain(attack);
  for (const args of [["show", attack], ["run", gpt2, `--${attack}`], [attack]]) {
    const { err } = await cli(args, { isTTY: true });
    expect(err).toContain("\\u001b]0;owned\\u0007");
    expect(err).not.toContain("\u001b");
  }
});

test("JSON on a terminal stays the same document", async () => {
  const { out } = await cli(["run", gpt2, "\u009b\u202e", "--max-new-tokens", "1", "--json"], { isTTY: true });
  expect(out).not.toContain("\u202e");
  expect((JSON.parse(out) as { prompt: string }).prompt).toBe("\u009b\u202e");
});

test("our own control sequences reach a terminal alone", () => {
  let text = "";
  const stream = (isTTY: boolean) => ({ write: (part: string) => (text += part), isTTY });
  for (const isTTY of [true, false])
    new Terminal({ stdin: process.stdin, stdout: stream(isTTY), stderr: stream(isTTY), env: {} }).stdout.dim("\u001b");
  expect(text).toBe("\u001b[2m\\u001b\u001b[22m\u001b");
});
