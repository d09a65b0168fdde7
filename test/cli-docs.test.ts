import { expect, test } from "vitest";
import { commands } from "../src/cli/commands.ts";
import { program } from "../src/cli/run-cli.ts";
import { Terminal } from "../src/cli/terminal.ts";

/** `docs/cli.md` is what the commands say of themselves; `npx vitest run test/cli-docs.test.ts -u` writes it anew. */
test("docs/cli.md says what --help says", async () => {
  const silent = { write: () => true };
  const terminal = new Terminal({ stdin: process.stdin, stdout: silent, stderr: silent, env: {} });
  const root = await program(terminal, new AbortController().signal, Object.keys(commands));
  const section = (name: string, help: string): string => `## ${name}\n\n\`\`\`text\n${help.trim()}\n\`\`\`\n`;
  const intro = [
    "# Command line\n",
    "Exit codes: 0 success, 1 a failure that is explained, 2 wrong usage, 130 interrupted.\n",
    "On a terminal, control characters in text from models, files and servers are shown as `\\u001b`, not executed;",
    "`--raw` prints them as they are. In a pipe or a file they always are.\n",
  ].join("\n");
  const all = root.commands.flatMap((command) =>
    command.commands.length > 0
      ? command.commands.map((inner) => [`${command.name()} ${inner.name()}`, inner] as const)
      : [[command.name(), command] as const],
  );
  const sections = all.map(([name, command]) => {
    command.configureHelp({ helpWidth: 110 });
    return section(`lectern ${name}`, command.helpInformation());
  });
  await expect([intro, ...sections].join("\n")).toMatchFileSnapshot("../docs/cli.md");
});
