import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { isObject, LecternError } from "../common/index.ts";
import type { LogLikelihoodRequest } from "../inference/index.ts";
import { MODEL_ARGUMENT } from "./models.ts";
import { count } from "./numbers.ts";
import { addPipelineFlags, loadFor, type PipelineFlags } from "./pipeline-command.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface ScoreFlags extends PipelineFlags {
  readonly context?: string;
  readonly continuation?: string;
  readonly inputs?: string;
}

/** `lectern score MODEL` */
export function scoreCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<model>", MODEL_ARGUMENT)
    .option("--context <text>", "the text that is given; default none")
    .option("--continuation <text>", "the text that is scored")
    .option(
      "--inputs <file>",
      "many of them: a JSONL file with context and continuation, or contextIds and continuationIds, in each line",
    );
  return addPipelineFlags(command).action(async (name: string, flags: ScoreFlags) => {
    const requests = await requestsOf(flags);
    await using model = await loadFor(name, { flags, terminal, signal });
    const batchSize = count("--batch-size", flags.batchSize);
    const scores = await model.logLikelihood(requests, { batchSize, signal });
    if (flags.json) printJson(terminal, { results: scores });
    else
      for (const { logLikelihood, isGreedy, tokens } of scores) {
        const greedy = isGreedy ? ", greedy" : "";
        terminal.stdout.write(
          `${logLikelihood.toFixed(4)}  (${tokens.length} ${tokens.length === 1 ? "token" : "tokens"}${greedy})\n`,
        );
      }
  });
}

async function requestsOf({ context, continuation, inputs }: ScoreFlags): Promise<LogLikelihoodRequest[]> {
  if ((continuation === undefined) === (inputs === undefined) || (inputs !== undefined && context !== undefined))
    throw new LecternError("usage", "score: give --continuation, with or without --context, or --inputs");
  if (continuation !== undefined) return [{ context: context ?? "", continuation }];
  const path = inputs as string;
  const lines = (await readLines(path)).split("\n");
  const requests = lines.flatMap((line, i) =>
    line.trim() === "" ? [] : [parseRequest(line, `${path}, line ${i + 1}`)],
  );
  if (requests.length === 0) throw new LecternError("input", `${path}: there is no line to score`);
  return requests;
}

async function readLines(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new LecternError("file", `${path} cannot be read`, { cause });
  }
}

function parseRequest(line: string, place: string): LogLikelihoodRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new LecternError("input", `${place}: not JSON`, { cause });
  }
  const keys = isObject(value) ? Object.keys(value).sort().join() : "";
  if (keys === "context,continuation" || keys === "contextIds,continuationIds") return value as LogLikelihoodRequest;
  throw new LecternError(
    "input",
    `${place}: expected an object with context and continuation, or contextIds and continuationIds; got ${keys === "" ? "none" : keys}`,
  );
}
