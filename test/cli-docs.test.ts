import { expect, test } from "vitest";
import { commands } from "../src/cli/commands.ts";
import { program } from "../src/cli/run-cli.ts";
import { Terminal } from "../src/cli/terminal.ts";

const INTRO = `
# Command line

Exit codes: 0 success, 1 a failure that is explained, 2 wrong usage, 130 interrupted.

## Standard input

\`lectern run MODEL PROMPT\` appends what is piped in to the prompt, after a newline: \`lectern run m "Summarize:" < report.txt\`. Without a
prompt, the piped text is the prompt. One newline at its end is dropped. An open pipe that delivers nothing within a second is left alone
when there is a prompt, with a note on standard error; \`-\` as the prompt waits for standard input and takes it unchanged.

The commands that take a text (\`classify\`, \`translate\`, \`embed\` …) read standard input only without a text, or with \`-\`: each line is
a text, and results are printed as they are ready. Lines without text are skipped.

## Conversation

\`lectern run MODEL\` on a terminal starts a conversation. A model with a chat template answers messages; one without continues a text, and an
empty line asks for more. The arrow keys edit the line and recall earlier ones. After each answer the used part of the context window is shown.
Ctrl-C stops an answer and keeps the conversation; a second Ctrl-C ends it with exit code 130, Ctrl-D and \`/bye\` with 0.

| command | does |
|---|---|
| \`/help\` | lists the commands |
| \`/clear\` | forgets everything but the system message |
| \`/set\`, \`/set NAME VALUE\`, \`/set NAME\` | lists, sets and resets generation options |
| \`/system [TEXT]\` | shows or sets the system message |
| \`/save FILE\` | saves the conversation; \`run --messages FILE\` continues a chat |
| \`/good\`, \`/bad\`, \`/better TEXT\` | with \`--feedback DIRECTORY\`, store a judgement of the last answer ([Feedback](feedback.md)) |
| \`"""\` | begins and ends a message of several lines |
| \`/bye\` | ends |

## Speed and memory

\`lectern bench MODEL\` prints the median speeds of a greedy generation of one sequence: prefill up to the first token, decode in the 32
steps that follow. In an encoder–decoder, prefill is the encoder and the first token, and decode begins once the output has the length.
Peak memory is that of the process, loading included; the first use of int8 or int4 also quantizes the weights, a second call does not.

"of ceiling" is decode's share of the speed at which memory, read by all threads, would deliver the weights of a step. "outside engine"
is the share of a step in which the engine does not compute. On a busy machine both say little.

## Control characters

On a terminal, control characters and characters that reorder text are shown as \`\\u001b\` instead of being executed, wherever the text comes from:
a model, a file, a server. \`--raw\` prints them as they are. In a pipe or a file they always are.
`;

/** `docs/cli.md` is what the commands say of themselves; `npx vitest run test/cli-docs.test.ts -u` writes it anew. */
test("docs/cli.md says what --help says", async () => {
  const silent = { write: () => true };
  const terminal = new Terminal({ stdin: process.stdin, stdout: silent, stderr: silent, env: {} });
  const root = await program(terminal, new AbortController().signal, Object.keys(commands));
  const section = (name: string, help: string): string => `## ${name}\n\n\`\`\`text\n${help.trim()}\n\`\`\`\n`;
  const intro = `${INTRO.trim()}\n`;
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
