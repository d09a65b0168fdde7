import { signal } from "@preact/signals";
import { type HeatMap, heatMapSvg } from "../../../src/explain/heat-map-svg.ts";

/** What a view offers for export: one matrix of numbers, and all of its data. */
export interface Figure extends HeatMap {
  /** The name of files. */
  readonly name: string;
  /** Everything behind the view, as JSON. */
  readonly data: unknown;
}

/** The figure of the view that is open. */
export const figure = signal<Figure | null>(null);

export type Format = "svg" | "png" | "csv" | "json";

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A matrix as comma-separated values, with its labels. */
export function csvOf({ rows, columns, values }: HeatMap): string {
  const lines = rows.map((row, i) => [quoted(row), ...columns.map((_, j) => String(values[i * columns.length + j]))]);
  return `${[["", ...columns.map(quoted)], ...lines].map((line) => line.join(",")).join("\n")}\n`;
}

const plain = (_: string, value: unknown): unknown => {
  if (value instanceof Map) return Object.fromEntries(value);
  return ArrayBuffer.isView(value) ? Array.from(value as never) : value;
};

async function png(svg: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large for a PNG")))),
  );
}

/** The figure in a format. */
export async function blobOf(of: Figure, format: Format): Promise<Blob> {
  if (format === "json") return new Blob([JSON.stringify(of.data, plain, 2)], { type: "application/json" });
  if (format === "csv") return new Blob([csvOf(of)], { type: "text/csv" });
  const svg = heatMapSvg(of);
  return format === "svg" ? new Blob([svg], { type: "image/svg+xml" }) : png(svg);
}

/** Saves the figure as a file. */
export async function save(of: Figure, format: Format): Promise<void> {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await blobOf(of, format));
  link.download = `${of.name}.${format}`;
  link.click();
  URL.revokeObjectURL(link.href);
}
