import type { ProgressEvent } from "../formats/index.ts";
import type { CommonFlags, Terminal } from "./terminal.ts";

/** In milliseconds: how often the line is written anew. */
const PACE = 100;
const CLEAR = "\r\u001b[K";

/** One line on a terminal that says how far all files together are, and goes when they are there; none elsewhere. */
export function downloadProgress(
  { quiet }: CommonFlags,
  { stderr, env }: Terminal,
): ((event: ProgressEvent) => void) | undefined {
  if (!stderr.isTTY || quiet || /^(1|on|yes|true)$/i.test(env.HF_HUB_DISABLE_PROGRESS_BARS ?? "")) return undefined;
  const files = new Map<string, ProgressEvent>();
  let told = 0;
  return (event) => {
    files.set(`${event.name}/${event.file}`, event);
    const all = [...files.values()];
    const isDone = all.every(({ status }) => status === "done");
    if (!isDone && performance.now() - told < PACE) return;
    told = performance.now();
    const sum = (key: "loaded" | "total"): number => all.reduce((total, file) => total + file[key], 0);
    const [loaded, total] = [sum("loaded"), sum("total")];
    const percent = total > 0 ? Math.floor((100 * loaded) / total) : 100;
    const { name, file } = all.findLast(({ status }) => status !== "done") ?? event;
    stderr.control(CLEAR);
    if (!isDone) stderr.write(`${name}  ${percent} % of ${bytesText(total)}  ${file}`);
  };
}

/** "27.4 MB" */
export function bytesText(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}
