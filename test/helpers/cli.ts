import { PassThrough, Readable } from "node:stream";
import { runCli } from "../../src/cli/run-cli.ts";

export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process. @param isTTY whether outputs are terminals */
export async function cli(
  args: readonly string[],
  { stdin = Readable.from([""]), env = {}, isTTY = false }: CliOptions = {},
): Promise<CliResult> {
  let [out, err] = ["", ""];
  const code = await runCli(args, {
    stdin,
    stdout: { write: (text) => (out += text), isTTY },
    stderr: { write: (text) => (err += text), isTTY },
    env,
  });
  return { code, out, err };
}

interface CliOptions {
  readonly stdin?: Readable;
  readonly env?: Record<string, string>;
  readonly isTTY?: boolean;
}

/** How long a person waits for a text, in milliseconds. */
const PATIENCE = 50_000;

/** A person at a terminal: types when something has been printed. */
export class Person {
  readonly #keys = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  #screen = "";
  #seen = 0;
  readonly result: Promise<number>;

  constructor(args: readonly string[]) {
    const write = (text: string): void => {
      this.#screen += text;
    };
    const stream = { write, isTTY: true, columns: 100 };
    this.result = runCli(args, { stdin: this.#keys, stdout: stream, stderr: stream, env: {} });
  }

  /** Waits until a text is printed after what was waited for before, then types; returns what was printed. */
  async after(text: string, keys = ""): Promise<string> {
    const from = this.#seen;
    const end = performance.now() + PATIENCE;
    while (!this.#screen.slice(from).includes(text)) {
      if (performance.now() > end) throw new Error(`waited for ${text}; got ${this.#screen.slice(from)}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    this.#seen = this.#screen.indexOf(text, from) + text.length;
    if (keys !== "") this.#keys.write(keys);
    return this.#screen.slice(from, this.#seen);
  }
}
