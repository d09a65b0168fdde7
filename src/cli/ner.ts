import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { EntityGroup, TokenEntity } from "../pipelines/index.ts";
import { MODEL_ARGUMENT } from "./models.ts";
import { number } from "./numbers.ts";
import { addPipelineFlags, loadFor, type PipelineFlags, runPipeline, TEXT_ARGUMENT } from "./pipeline-command.ts";
import type { Terminal } from "./terminal.ts";

interface NerFlags extends PipelineFlags {
  readonly aggregation: string;
  readonly stride?: string;
}

const strategies = ["none", "simple", "first", "average", "max"] as const;

/** `lectern ner MODEL TEXT` */
export function nerCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<model>", `an encoder with a token-classification head: ${MODEL_ARGUMENT}`)
    .argument("[text]", TEXT_ARGUMENT)
    .option("--aggregation <how>", "none: single tokens; simple, first, average, max: whole entities", "simple")
    .option("--stride <n>", "read a long text in windows that share n tokens");
  return addPipelineFlags(command).action(async (name: string, argument: string | undefined, flags: NerFlags) => {
    const strategy = strategies.find((known) => known === flags.aggregation);
    if (!strategy)
      throw new LecternError("usage", `--aggregation takes ${strategies.join(", ")}; got ${flags.aggregation}`);
    const stride =
      flags.stride === undefined ? {} : { stride: number("--stride", flags.stride, "a whole number from 0") as number };
    const { pipeline } = await import("./lazy/pipelines.ts");
    await using model = await loadFor(name, { flags, terminal, signal });
    const find = await pipeline("token-classification", model);
    type Entity = TokenEntity | EntityGroup;
    const nameOf = (entity: Entity): string => ("entity_group" in entity ? entity.entity_group : entity.entity);
    const print = {
      json: (entities: readonly Entity[]) => ({
        results: entities.map((entity) => {
          const { word, score, start, end } = entity;
          return { entity: nameOf(entity), word, score, start, end };
        }),
      }),
      text: (entities: readonly Entity[], input: string | undefined) => {
        const found = entities.map(
          (entity) => `${nameOf(entity)}\t${(100 * entity.score).toFixed(1)} %\t${entity.word}`,
        );
        return [...(input === undefined ? [] : [input]), ...found].join("\n");
      },
    };
    await runPipeline<readonly Entity[]>(
      (texts, options) => find(texts, { ...options, ...stride, aggregationStrategy: strategy }),
      { argument, flags, terminal, signal, print },
    );
  });
}
