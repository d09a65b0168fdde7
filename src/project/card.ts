import { basename } from "node:path";
import { stringify } from "yaml";
import { ownEntry, VERSION } from "../common/index.ts";
import { type DataRow, type Overlap, readRows, testRows } from "./data.ts";
import type { Project } from "./file.ts";
import { setupName } from "./located.ts";
import type { Facts } from "./measure/facts.ts";
import { intervalOf, type MeasureOptions, type Quality } from "./measure/quality.ts";
import type { Speed } from "./measure/speed.ts";
import { Measurements } from "./measured.ts";
import { aiActTable } from "./report/ai-act.ts";
import { cell, figure, range } from "./report/check-markdown.ts";
import { withProjectLock } from "./store.ts";
import { evaluationTask, kindOf, metricNames } from "./task.ts";

/** Everything that a card is filled from. */
export interface CardEvidence {
  readonly project: Project;
  readonly quality: Quality;
  readonly speed: Speed;
  readonly facts: Facts;
  readonly overlap: readonly Overlap[];
  /** The processor that speed was measured on. */
  readonly machine: string;
  readonly data: readonly DataSummary[];
}

/** A data file of the project. */
export interface DataSummary {
  readonly part: "test" | "training";
  readonly file: string;
  readonly rows: number;
  /** Rows by label, where the rows have labels. */
  readonly labels: Readonly<Record<string, number>>;
}

/** Pipelines of the Hub by a project's task. */
const PIPELINES: Readonly<Record<string, string>> = {
  "text-classification": "text-classification",
  "text-generation": "text-generation",
  ask: "question-answering",
};

/** The names of metrics as the Hub's index of results knows them. */
const HUB_METRICS: Readonly<Record<string, string>> = {
  acc: "accuracy",
  f1_macro: "f1",
  mcc: "matthews_correlation",
};

/** The model card of a project's choice: README.md with the Hub's metadata, filled from evidence. What is stale is measured. */
export async function projectCard(project: Project, options: MeasureOptions = {}): Promise<string> {
  const { choice } = project.file;
  await metricNames(project, choice);
  return withProjectLock(project, async () => {
    const measurements = new Measurements(project, options);
    return cardText({
      project,
      quality: await measurements.quality(choice),
      speed: await measurements.speed(choice),
      facts: await measurements.facts(choice),
      overlap: await measurements.overlap(choice),
      machine: (await measurements.inputs(choice)).machine,
      data: dataOf(project),
    });
  });
}

function dataOf(project: Project): DataSummary[] {
  const { train, test, choice } = project.file;
  const summary = (part: DataSummary["part"], file: string, rows: readonly DataRow[]): DataSummary => ({
    ...{ part, file, rows: rows.length, labels: labelCounts(rows) },
  });
  if (kindOf(project, choice) === "evaluation") {
    const task = evaluationTask(project);
    return [{ part: "test", file: test ?? basename(task.path), rows: task.docs.length, labels: {} }];
  }
  return [
    summary("test", test as string, testRows(project)),
    ...(train === undefined ? [] : [summary("training", train, readRows(project, train))]),
  ];
}

const MOST_LABELS = 20;

function labelCounts(rows: readonly DataRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { fields } of rows)
    if (fields.label !== undefined) counts[String(fields.label)] = (counts[String(fields.label)] ?? 0) + 1;
  return Object.keys(counts).length > MOST_LABELS ? {} : counts;
}

/** A card's text: metadata in YAML, then Markdown. */
export function cardText(evidence: CardEvidence): string {
  const { project, facts } = evidence;
  const { goal, choice, decisions } = project.file;
  return [
    `---\n${stringify(metadata(evidence), { lineWidth: 0 })}---`,
    `# ${cell(basename(project.root))}`,
    cell(goal),
    "## Model",
    table(modelRows(evidence)),
    "## Data",
    dataText(evidence),
    "## Evaluation",
    evaluationText(evidence),
    "## Training",
    trainingText(facts),
    "## Limits",
    limitsText(evidence),
    ...(decisions.length === 0
      ? []
      : [
          "## Decisions",
          decisions.map(({ date, decision, reason }) => `- ${date}: ${cell(decision)} (${cell(reason)})`).join("\n"),
        ]),
    "## EU AI Act, Annexes XI and XII",
    "Fields that files and measurements tell; the others need a person.",
    aiActTable(evidence),
    `Written by Lectern ${VERSION} from the evidence of ${cell(setupName(choice))}.`,
    "",
  ].join("\n\n");
}

function metadata({ project, facts, quality }: CardEvidence): Record<string, unknown> {
  const { task, choice, test } = project.file;
  const pipeline = ownEntry(PIPELINES, task);
  const isHub = /^[\w.-]+\/[\w.-]+$/.test(choice.model) && !choice.model.startsWith(".");
  return {
    ...(facts.languages.length > 0 && { language: facts.languages }),
    ...(facts.licence !== null && { license: facts.licence.toLowerCase() }),
    library_name: "lectern",
    ...(pipeline && { pipeline_tag: pipeline }),
    ...(isHub && { base_model: choice.model }),
    metrics: [...new Set(Object.keys(quality.metrics).map((name) => ownEntry(HUB_METRICS, name) ?? name))],
    "model-index": [
      {
        name: basename(project.root),
        results: [
          {
            task: { type: pipeline ?? "text-generation", name: task },
            dataset: { type: "custom", name: basename(test ?? task), split: "test" },
            metrics: Object.entries(quality.metrics).map(([name, { value }]) => ({
              type: ownEntry(HUB_METRICS, name) ?? name,
              value: Number(value.toPrecision(6)),
              name,
            })),
          },
        ],
      },
    ],
  };
}

const table = (rows: readonly (readonly string[])[]): string => {
  const [header, ...rest] = rows as [readonly string[], ...(readonly string[])[]];
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [line(header), `| ${header.map(() => "---").join(" | ")} |`, ...rest.map(line)].join("\n");
};

function modelRows({ project, facts, speed, machine }: CardEvidence): string[][] {
  const { model, adapter, prompt, precision } = project.file.choice;
  return [
    ["", ""],
    ["model", model],
    ...(adapter === undefined ? [] : [["adapter", adapter]]),
    ...(prompt === undefined ? [] : [["prompt", prompt]]),
    ["architecture", facts.architecture ?? "not named"],
    ["parameters", facts.parameters.toLocaleString("en-US")],
    ["context window", facts.window === null ? "not named" : `${facts.window} tokens`],
    ["precision", precision ?? "as stored"],
    ["size", `${(facts.bytes / 1e6).toFixed(1)} MB`],
    ["licence", facts.licence ?? "not named"],
    ...(facts.commercialUse === null ? [] : [["commercial use", facts.commercialUse]]),
    [
      "latency",
      `${figure(speed.latencyMs.median)} ms the median of one item (${range(speed.latencyMs.interval)}), ${machine}`,
    ],
    ["throughput", `${figure(speed.itemsPerSecond)} items a second`],
    ["peak memory", `${Math.round(speed.peakMemoryMB)} MB`],
  ];
}

function dataText({ data, overlap, project }: CardEvidence): string {
  const rows = data.map(({ part, file, rows: count, labels }) => [
    ...[part, file, String(count)],
    Object.entries(labels)
      .map(([label, own]) => `${label} ${own}`)
      .join(", ") || "–",
  ]);
  const licence = project.file.dataLicence ?? "not named";
  const shared =
    project.file.train === undefined
      ? "Training data are not named, so test items among them are not excluded."
      : `${overlap.length} test items also stand in the training data.`;
  return `${table([["part", "file", "rows", "labels"], ...rows])}\n\nLicence of the data: ${cell(licence)}. ${shared}`;
}

function evaluationText({ quality }: CardEvidence): string {
  const rows = Object.entries(quality.metrics).map(([name, { value }]) => [
    ...[name, figure(value), range(intervalOf(quality, name))],
  ]);
  return `${table([["metric", "value", "interval of 95 %"], ...rows])}\n\n${quality.n} items.`;
}

/** The training run, in a sentence. */
export function trainingText({ training }: Facts): string {
  if (training === null) return "No log of a training run lies beside the weights.";
  const { steps, seconds } = training;
  return `${steps} steps${seconds === null ? "" : ` in ${(seconds / 60).toFixed(1)} minutes`}, from the log of the run.`;
}

function limitsText({ quality, data, facts }: CardEvidence): string {
  const warnings = quality.warnings.map((warning) => `- ${cell(warning)}`);
  const [test] = data;
  return [
    `- The figures are of ${quality.n} items of ${cell(test?.file ?? "one test set")}; other texts may give others.`,
    ...(facts.window === null ? [] : [`- Texts of more than ${facts.window} tokens are cut.`]),
    ...warnings,
  ].join("\n");
}
