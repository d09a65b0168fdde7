import { check, LecternError, ownEntry, Random } from "../../common/index.ts";
import { joinPath, openFiles, writeFileAtomic } from "../../files/index.ts";
import { argmax } from "../../tensor/index.ts";
import { type Example, readExamples, textOf } from "../data/examples.ts";

/** Tells how probable each label is, for each text: a larger model, or whatever knows. */
export type Teacher = (texts: readonly string[]) => Promise<readonly Readonly<Record<string, number>>[]>;

/** The settings of distillation. */
export interface TeacherConfig {
  /** The weight of the teacher's probabilities where there is a label; the label has the rest. */
  readonly share: number;
  /** The number of random pieces of a text that the teacher labels besides. */
  readonly spans: number;
}

export interface TaughtOptions {
  readonly teacher: Teacher;
  readonly config: TeacherConfig;
  /** In the order of their ids. */
  readonly labels: readonly string[];
  /** Texts that no piece may be. */
  readonly heldOut: readonly Example[];
  readonly seed: number;
  /** The file of the answers, so that a resumed run need not ask again. */
  readonly out: string;
}

const ANSWERS = "taught.jsonl";

/** The number of texts that are asked of a teacher at once. */
const TOGETHER = 1024;

/**
 * Examples as a teacher judges them, and pieces of their texts that it alone labels: what a small model lacks in data, a
 * larger one that has learned the task makes up for (Hinton et al., "Distilling the knowledge in a neural network", 2015).
 */
export async function taughtExamples(examples: readonly Example[], options: TaughtOptions): Promise<Example[]> {
  const { config, labels, heldOut, seed, out } = options;
  const path = joinPath(out, ANSWERS);
  const settings = JSON.stringify({ ...config, seed, labels, examples: examples.length });
  const known = new Set(heldOut.map((example) => textOf("", example, "text").trim()));
  const whole = examples.map((example) => textOf("", example, "text"));
  const pieces = whole.flatMap((text, i) =>
    cutPieces(text, config.spans, new Random(seed, i, 0, 7)).filter((piece) => !known.has(piece)),
  );
  const texts = [...whole, ...pieces];
  const kept = await keptAnswers(out, settings);
  const isAnswer = ({ fields: { text, label } }: Example, i: number): boolean =>
    text === texts[i] && label === (examples[i]?.fields.label ?? label);
  if (kept?.length === texts.length && kept.every(isAnswer)) return kept;
  const answers: number[][] = [];
  for (let at = 0; at < texts.length; at += TOGETHER) {
    const part = texts.slice(at, at + TOGETHER);
    const said = await options.teacher(part);
    answers.push(...part.map((text, i) => probabilitiesOf(said[i], labels, text)));
  }
  const rows = texts.map((text, i) => {
    const said = answers[i] as number[];
    const label = examples[i]?.fields.label ?? labels[argmax(said)];
    const own = i < examples.length ? config.share : 1;
    const probabilities = said.map((p, at) => rounded(own * p + (1 - own) * +(labels[at] === label)));
    return { text, label, probabilities };
  });
  await writeFileAtomic(path, `${[settings, ...rows.map((row) => JSON.stringify(row))].join("\n")}\n`);
  return rows.map((fields, i) => ({ row: i + 1, fields }));
}

/** The teacher's labels under these settings; undefined where there are none, or those of other settings. */
async function keptAnswers(out: string, settings: string): Promise<Example[] | undefined> {
  const files = await openFiles(out);
  if (!(await files.has(ANSWERS))) return undefined;
  const kept = await files.readText(ANSWERS);
  return kept.startsWith(`${settings}\n`) ? (await readExamples(joinPath(out, ANSWERS))).slice(1) : undefined;
}

/** As it is written, so that a run that reads it goes on with the same bits. */
const rounded = (x: number): number => Number(x.toFixed(6));

function probabilitiesOf(
  said: Readonly<Record<string, number>> | undefined,
  labels: readonly string[],
  text: string,
): number[] {
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  if (!said) throw new LecternError("input", `the teacher said nothing of ${shown}`);
  return labels.map((label) => {
    const p = ownEntry(said, label);
    check(
      typeof p === "number" && p >= 0 && p <= 1,
      "input",
      () => `the teacher must return a probability of ${label} for ${shown}; got ${JSON.stringify(said)}`,
    );
    return p;
  });
}

/** Runs of a text's words, each once; short ones are more frequent. */
function cutPieces(text: string, count: number, random: Random): string[] {
  const words = text.split(/\s+/u).filter((word) => word !== "");
  const pieces = new Set<string>();
  for (let i = 0; i < count && words.length > 1; i++) {
    const length = Math.max(1, Math.floor(random.next() ** 1.5 * words.length));
    const at = random.nextInt(words.length - length + 1);
    pieces.add(words.slice(at, at + length).join(" "));
  }
  pieces.delete(text);
  return [...pieces];
}
