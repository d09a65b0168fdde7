import { joinBytes } from "../../common/index.ts";
import { appendToFile, joinPath, makeDirectory, openFiles, writeFileAtomic } from "../../files/index.ts";
import { processName } from "../../runtime/index.ts";
import { eventRecord } from "./event-record.ts";
import { presentEntry } from "./renamed-settings.ts";

const FILE = "training.jsonl";

/** One line of `training.jsonl`: of a step, or of an evaluation. */
export type LogEntry = Readonly<Record<string, number>> & { readonly step: number };

/** Writes what happens where people look for it: `training.jsonl`, TensorBoard's event files, and a curve at the end. */
export class TrainingLog {
  readonly #directory: string;
  readonly #events: string;
  readonly #entries: LogEntry[];
  #pending = "";
  #records: Uint8Array[] = [];

  private constructor(directory: string, events: string, entries: LogEntry[]) {
    this.#directory = directory;
    this.#events = events;
    this.#entries = entries;
  }

  /** Opens the log of a run that has taken some steps; lines of later ones, which it takes again, and of its end are dropped. */
  static async open(directory: string, step: number): Promise<TrainingLog> {
    const files = await openFiles(directory);
    const text = (await files.has(FILE)) ? await files.readText(FILE).catch(() => "") : "";
    const entries = text.split("\n").flatMap((line): LogEntry[] => {
      try {
        const entry = presentEntry(JSON.parse(line) as LogEntry);
        return entry.step <= step && entry.final === undefined ? [entry] : [];
      } catch {
        return []; // a line that was cut short
      }
    });
    await writeFileAtomic(joinPath(directory, FILE), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    const folder = joinPath(directory, "events");
    await makeDirectory(folder);
    const name = `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${processName()}`;
    const log = new TrainingLog(directory, joinPath(folder, name), entries);
    log.#records.push(eventRecord({ wallTime: Date.now() / 1000, fileVersion: "brain.Event:2" }));
    return log;
  }

  note(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#pending += `${JSON.stringify(entry)}\n`;
    const { step, ...values } = entry;
    this.#records.push(eventRecord({ wallTime: Date.now() / 1000, step, values }));
  }

  /** Writes what is noted; called now and then, so that steps do not wait for the disk. */
  async flush(): Promise<void> {
    if (this.#pending !== "") await appendToFile(joinPath(this.#directory, FILE), this.#pending);
    if (this.#records.length > 0) await appendToFile(this.#events, joinBytes(this.#records));
    this.#pending = "";
    this.#records = [];
  }

  /** Ends the log with a drawing of the losses: `training.svg`. */
  async close(): Promise<void> {
    await this.flush();
    await writeFileAtomic(joinPath(this.#directory, "training.svg"), lossCurve(this.#entries));
  }
}

/** The losses by step: of training as a line, of evaluations as dots. */
export function lossCurve(entries: readonly LogEntry[]): string {
  const [width, height, left, bottom] = [720, 360, 56, 40];
  const training = entries.filter(({ loss }) => loss !== undefined) as (LogEntry & { loss: number })[];
  const evaluated = entries.filter(({ evalLoss }) => evalLoss !== undefined) as (LogEntry & { evalLoss: number })[];
  const all = [...training.map(({ loss }) => loss), ...evaluated.map(({ evalLoss }) => evalLoss)];
  const last = Math.max(1, ...entries.map(({ step }) => step));
  const [low, high] = [Math.min(...all, 0), all.reduce((most, loss) => Math.max(most, loss), 1e-9)];
  const x = (step: number): number => left + ((width - left - 16) * step) / last;
  const y = (loss: number): number => 16 + ((height - bottom - 16) * (high - loss)) / (high - low);
  const at = (step: number, loss: number): string => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`;
  const every = Math.max(1, Math.floor(training.length / 1000));
  const line = training.filter((_, i) => i % every === 0).map(({ step, loss }) => at(step, loss));
  const dots = evaluated.map(
    ({ step, evalLoss }) => `<circle cx="${x(step).toFixed(1)}" cy="${y(evalLoss).toFixed(1)}" r="3" fill="#c2410c"/>`,
  );
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const loss = low + share * (high - low);
    const row = y(loss).toFixed(1);
    return `<line x1="${left}" x2="${width - 16}" y1="${row}" y2="${row}" stroke="#e5e7eb"/><text x="${left - 6}" y="${row}" text-anchor="end" dominant-baseline="middle">${loss.toFixed(2)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#374151">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...ticks,
    `<polyline points="${line.join(" ")}" fill="none" stroke="#1d4ed8"/>`,
    ...dots,
    `<text x="${left}" y="${height - 12}">step 0</text><text x="${width - 16}" y="${height - 12}" text-anchor="end">step ${last}</text>`,
    `<text x="${width / 2}" y="${height - 12}" text-anchor="middle">loss: line, training; dots, held out</text>`,
    "</svg>",
    "",
  ].join("\n");
}
