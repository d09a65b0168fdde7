import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { type EntityGroup, pipeline, type TokenEntity } from "../pipelines/index.ts";
import { MODEL_ARGUMENT } from "./models.ts";
import { addPipelineFlags, loadFor, type PipelineFlags, runPipeline } from "./pipeline-command.ts";
import type { Terminal } from "./terminal.ts";

interface NerFlags extends PipelineFlags {
  readonly aggregation: string;
  readonly stride?: string;
}

const strategies = ["none", "simple", "first", "average", "max"] as const;

/** `lectern ner MODEL TEXT` */
export function nerCommand(root: Command, terminal: Terminal, signal: AbortSignal): Command {
  const command = root
    .command("ner")
    .description("Find what a text names, such as persons and places.")
    .argument("<model>", `an encoder with a head for tokens: ${MODEL_ARGUMENT}`)
    .argument("<text>", "the text; - reads standard input, a text a line")
    .option("--aggregation <how>", "none: each token; simple, first, average, max: whole entities", "simple")
    .option("--stride <n>", "read all of a long text, in parts that share n tokens");
  return addPipelineFlags(command).action(async (name: string, argument: string, flags: NerFlags) => {
    const strategy = strategies.find((known) => known === flags.aggregation);
    if (!strategy)
      throw new LecternError("usage", `--aggregation takes ${strategies.join(", ")}; got ${flags.aggregation}`);
    const stride = flags.stride === undefined ? {} : { stride: Number(flags.stride) };
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
