import { Command, CommanderError } from "commander";
import { LecternError, VERSION } from "../common/index.ts";
import { type CommandEntry, commands } from "./commands.ts";
import { showLibraryWarnings } from "./library-warnings.ts";
import { type CommonFlags, type Streams, Terminal } from "./terminal.ts";

/** Runs one command line and returns its exit code: 0 success, 1 a failure it explains, 2 wrong usage, 130 interrupted. */
export async function runCli(args: readonly string[], streams: Streams): Promise<number> {
  const terminal = new Terminal(streams);
  const interrupt = new AbortController();
  const onInterrupt = (): void => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  const endWarnings = showLibraryWarnings(terminal);
  try {
    const root = await program(terminal, interrupt.signal, args.slice(0, 2)); // the second is what `help` explains
    await root.parseAsync([...args], { from: "user" });
    return interrupt.signal.aborted ? 130 : terminal.exitCode;
  } catch (error) {
    return explain(error, terminal);
  } finally {
    process.off("SIGINT", onInterrupt);
    endWarnings();
    terminal.release();
  }
}

/**
 * The command line. `docs/cli.md` is made of its help.
 *
 * @param needed names or aliases of the commands to define; of the others only name and description are known
 */
export async function program(terminal: Terminal, signal: AbortSignal, needed: readonly string[]): Promise<Command> {
  const root = new Command("lectern")
    .description("Run, inspect and train language models from Hugging Face directories, the Hub and GGUF files.")
    .usage("<command> [arguments]")
    .version(VERSION, "--version", "print the version")
    .exitOverride()
    .configureHelp({ subcommandTerm: (command) => [command.name(), ...command.aliases()].join(", ") })
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    })
    .addHelpCommand(new Command("help").argument("[command]").description("Explain a command.").helpGroup("Setup:"))
    .addHelpText("after", "\nlectern <command> --help explains a command. Try: lectern run stories\n")
    .hook("preAction", (_, action) => {
      if (action.opts<CommonFlags>().raw) terminal.printRaw();
    })
    .showSuggestionAfterError();
  for (const [name, entry] of Object.entries(commands)) {
    const command = stub(root, name, entry);
    if (![name, entry.alias].some((each) => each !== undefined && needed.includes(each))) continue;
    (await entry.load())(command, terminal, signal);
    for (const leaf of command.commands.length > 0 ? command.commands : [command]) addCommonOptions(leaf);
  }
  return root;
}

function stub(root: Command, name: string, { description, group, alias }: CommandEntry): Command {
  const command = root.command(name).description(description).helpGroup(group);
  return alias === undefined ? command : command.alias(alias);
}

function addCommonOptions(command: Command): void {
  command
    .option("--json", "print one JSON document on standard output")
    .option("--quiet", "print no progress")
    .option("--raw", "print control characters as they are, also on a terminal");
  if (command.registeredArguments.some((argument) => argument.name() === "model"))
    command
      .option("--revision <name>", "a branch, tag or commit of a Hub model; default main")
      .option("--offline", "use only models that are in the Hugging Face cache");
}

function explain(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof LecternError)) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.stderr.write(`lectern: internal error, please report it: ${detail}\n`);
    return 1;
  }
  if (error.code === "abort") return 130;
  terminal.stderr.write(`lectern: ${error.message}\n`);
  return error.code === "usage" ? 2 : 1;
}
