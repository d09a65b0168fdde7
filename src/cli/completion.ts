import { Argument, type Command } from "commander";
import type { Terminal } from "./terminal.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** Options and arguments of one command. */
interface Completed {
  readonly words: readonly string[];
  readonly description: string;
  readonly flags: readonly { readonly long: string; readonly description: string }[];
  readonly takesModel: boolean;
}

/** `lectern completion bash|zsh|fish` */
export function completionCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText(
      "after",
      "\nbash: lectern completion bash > ~/.local/share/bash-completion/completions/lectern\n" +
        'zsh:  lectern completion zsh > "$' +
        '{fpath[1]}/_lectern"\n' +
        "fish: lectern completion fish > ~/.config/fish/completions/lectern.fish\n",
    )
    .action(async (shell: Shell, flags: { readonly json?: boolean }) => {
      const { program } = await import("./run-cli.ts");
      const { commands } = await import("./commands.ts");
      const { shippedModels } = await import("../formats/hub/node.ts");
      const root = await program(terminal, signal, Object.keys(commands));
      const script = scripts[shell](root.commands.flatMap(completed), shippedModels());
      if (flags.json) terminal.stdout.write(`${JSON.stringify({ shell, script })}\n`);
      else terminal.stdout.write(script);
    });
}

function completed(command: Command): Completed[] {
  const own = {
    description: command.description(),
    flags: command.options
      .filter(({ hidden }) => !hidden)
      .map(({ long, description }) => ({ long: long ?? "", description })),
    takesModel: command.registeredArguments.some((argument) => argument.name() === "model"),
  };
  const inner = command.commands.map(
    (leaf): Completed => ({ ...(completed(leaf)[0] as Completed), words: [command.name(), leaf.name()] }),
  );
  return [{ ...own, words: [command.name()] }, ...inner];
}

const scripts: Readonly<Record<Shell, (all: readonly Completed[], models: readonly string[]) => string>> = {
  bash: (all, models) => `# bash completion for lectern
_lectern() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${topLevel(all).join(" ")} help --help --version"
  else
    case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${cases(all, models, (words) => `words="${words}"`)}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _lectern lectern
`,
  zsh: (all, models) => `#compdef lectern
_lectern() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${all
  .filter(({ words }) => words.length === 1)
  .map(({ words, description }) => `      ${single(`${words[0]}:${description}`)}`)
  .join("\n")}
    )
    _describe command commands
    return
  fi
  case "$words[2] $words[3]" in
${cases(all, models, (words) => `compadd -- ${words}`)}
  esac
  _files
}
if [ "$funcstack[1]" = _lectern ]; then _lectern "$@"; else compdef _lectern lectern; fi
`,
  fish: (all, models) => `# fish completion for lectern
${all.flatMap((each) => fishLines(each, models)).join("\n")}
`,
};

function topLevel(all: readonly Completed[]): string[] {
  return all.filter(({ words }) => words.length === 1).map(({ words }) => words[0] as string);
}

/** Branches of a shell's \`case\` over the first two words; longer ones first. */
function cases(all: readonly Completed[], models: readonly string[], action: (words: string) => string): string {
  const sorted = [...all].sort((a, b) => b.words.length - a.words.length);
  return sorted
    .map(({ words, flags, takesModel }) => {
      const inner = all.filter((each) => each.words.length === 2 && words.length === 1 && each.words[0] === words[0]);
      const next = [
        ...inner.map((each) => each.words[1] as string),
        ...flags.map(({ long }) => long),
        "--help",
        ...(takesModel ? models : []),
        ...(words[0] === "completion" ? SHELLS : []),
      ];
      const pattern = words.length === 1 ? `"${words[0]} "*` : `"${words.join(" ")}"`;
      return `      ${pattern}) ${action(next.join(" "))} ;;`;
    })
    .join("\n");
}

function fishLines({ words, description, flags, takesModel }: Completed, models: readonly string[]): string[] {
  const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
  const [first, second] = words as [string, string?];
  const own =
    second === undefined
      ? `complete -c lectern -n __fish_use_subcommand -f -a ${first} -d ${single(description)}`
      : `complete -c lectern -n ${single(`__fish_seen_subcommand_from ${first}`)} -f -a ${second} -d ${single(description)}`;
  const options = flags.map(
    ({ long, description }) =>
      `complete -c lectern -n ${single(seen)} -l ${long.slice(2)}${description ? ` -d ${single(description)}` : ""}`,
  );
  const names = [...(takesModel ? models : []), ...(first === "completion" ? SHELLS : [])];
  const args = names.length > 0 ? [`complete -c lectern -n ${single(seen)} -a ${single(names.join(" "))}`] : [];
  return [own, ...options, ...args];
}

/** Text in single quotes, as all three shells read it. */
function single(text: string): string {
  return `'${text.replaceAll("\\", "").replaceAll("'", "’").replaceAll("\n", " ")}'`;
}
