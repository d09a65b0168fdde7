import { VERSION } from "../../common/index.ts";
import type { CardEvidence } from "../card.ts";
import { cell, figure } from "./check-markdown.ts";

const UNKNOWN = "unknown";

interface Field {
  /** The places in the annexes. */
  readonly place: string;
  readonly name: string;
  readonly value: (evidence: CardEvidence) => string | undefined;
}

/** The fields of Annex XI, section 1, and Annex XII of Regulation (EU) 2024/1689, in their order. */
const FIELDS: readonly Field[] = [
  { place: "XI 1.1(a), XII 1(a)", name: "tasks that the model is intended for", value: tasks },
  { place: "XI 1.1(a), XII 1(a)", name: "AI systems that it can be integrated in", value: () => undefined },
  {
    place: "XI 1.1(b), XII 1(b)",
    name: "acceptable use policies",
    value: ({ facts }) => facts.commercialUse ?? undefined,
  },
  { place: "XI 1.1(c), XII 1(c)", name: "date of release, methods of distribution", value: () => undefined },
  { place: "XI 1.1(d), XII 1(f)", name: "architecture and number of parameters", value: architecture },
  { place: "XI 1.1(e), XII 1(g)", name: "modality and format of inputs and outputs", value: modality },
  { place: "XI 1.1(f), XII 1(h)", name: "licence", value: ({ facts }) => facts.licence ?? undefined },
  { place: "XI 1.2(a), XII 2(a)", name: "technical means of integration", value: integration },
  { place: "XI 1.2(b)", name: "design and training process, choices and assumptions", value: design },
  { place: "XI 1.2(c), XII 2(c)", name: "data: type, number of data points", value: dataPoints },
  { place: "XI 1.2(c), XII 2(c)", name: "data: provenance, curation, biases", value: () => undefined },
  { place: "XI 1.2(d)", name: "computational resources, training time", value: training },
  { place: "XI 1.2(e)", name: "energy consumption", value: () => undefined },
  { place: "XI 2.1", name: "evaluation strategies and results (systemic risk)", value: evaluation },
  { place: "XI 2.2", name: "adversarial testing (systemic risk)", value: () => undefined },
  { place: "XII 1(d)", name: "interaction with hardware and software outside the model", value: () => undefined },
  { place: "XII 1(e)", name: "versions of relevant software", value: () => `Lectern ${VERSION}` },
  {
    place: "XII 2(b)",
    name: "largest size of inputs",
    value: ({ facts }) => (facts.window === null ? undefined : `${facts.window} tokens`),
  },
];

/** The fields as a table; what no file and no measurement tells is unknown. */
export function aiActTable(evidence: CardEvidence): string {
  const rows = FIELDS.map(({ place, name, value }) => `| ${place} | ${name} | ${cell(value(evidence) ?? UNKNOWN)} |`);
  return ["| annex | field | value |", "| --- | --- | --- |", ...rows].join("\n");
}

function tasks({ project }: CardEvidence): string {
  return `${project.file.task}: ${project.file.goal}`;
}

function architecture({ facts }: CardEvidence): string {
  return `${facts.architecture ?? "not named"}, ${facts.parameters.toLocaleString("en-US")} parameters`;
}

function modality({ project }: CardEvidence): string {
  return project.file.task === "text-classification"
    ? "text in, a label with its probability out"
    : "text in, text out";
}

function integration({ project }: CardEvidence): string {
  return `Lectern as a library, or lectern serve; the model ${project.file.choice.model} in its published files`;
}

/** The entry from the project's decisions. */
function design({ project }: CardEvidence): string | undefined {
  const { decisions } = project.file;
  return decisions.length === 0
    ? undefined
    : decisions.map(({ decision, reason }) => `${decision} (${reason})`).join("; ");
}

function dataPoints({ data }: CardEvidence): string {
  return data.map(({ part, rows }) => `${part}: ${rows} rows of text`).join("; ");
}

function training({ facts }: CardEvidence): string | undefined {
  if (facts.training === null) return undefined;
  const { steps, seconds } = facts.training;
  return `${steps} steps${seconds === null ? "" : `, ${(seconds / 3600).toFixed(2)} hours`}`;
}

function evaluation({ quality }: CardEvidence): string {
  const all = Object.entries(quality.metrics).map(([name, { value }]) => `${name} ${figure(value)}`);
  return `${all.join(", ")} on ${quality.n} items`;
}
