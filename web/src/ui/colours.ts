import type { Theme } from "../state.ts";

type Rgb = readonly [number, number, number];

const mix = (from: Rgb, to: Rgb, share: number): Rgb =>
  from.map((part, i) => Math.round(part + ((to[i] as number) - part) * share)) as unknown as Rgb;

const ground: Readonly<Record<Theme, Rgb>> = { light: [255, 255, 255], dark: [24, 27, 33] };
const strong: Readonly<Record<Theme, Rgb>> = { light: [23, 63, 148], dark: [140, 182, 255] };
const positive: Readonly<Record<Theme, Rgb>> = { light: [30, 96, 180], dark: [120, 170, 255] };
const negative: Readonly<Record<Theme, Rgb>> = { light: [196, 84, 16], dark: [255, 158, 92] };

/** Blue above 0, orange below. @param value from −1 to 1 */
export function diverge(theme: Theme, value: number): string {
  return `rgb(${diverging(theme, value).join(" ")})`;
}

const diverging = (theme: Theme, value: number): Rgb =>
  mix(ground[theme], value < 0 ? negative[theme] : positive[theme], Math.min(1, Math.abs(value)));

/** From the page's ground to its strongest blue; small shares are lifted, so that they can be seen. */
const shading = (theme: Theme, share: number): Rgb =>
  mix(ground[theme], strong[theme], Math.sqrt(Math.min(1, Math.max(0, share))));

/** The colours of a scale from −1 to 1 (`signed`) or from 0 to 1, as four bytes each. */
const LEVELS = 511;
const scales = new Map<string, Uint32Array>();

function scaleOf(theme: Theme, signed: boolean): Uint32Array {
  const key = `${theme} ${signed}`;
  const known = scales.get(key);
  if (known) return known;
  const bytes = new Uint8ClampedArray(4 * (LEVELS + 1));
  for (let i = 0; i <= LEVELS; i++)
    bytes.set([...(signed ? diverging(theme, (2 * i) / LEVELS - 1) : shading(theme, i / LEVELS)), 255], 4 * i);
  const scale = new Uint32Array(bytes.buffer);
  scales.set(key, scale);
  return scale;
}

/**
 * A matrix as an image with a pixel for each value.
 *
 * @param values `rows × columns`, from 0 to 1, or of both signs (`signed`), which `most` scales to −1 … 1
 */
export function matrixImage(
  theme: Theme,
  { values, rows, columns }: { readonly values: Float32Array; readonly rows: number; readonly columns: number },
  most?: number,
): ImageData {
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const scale = scaleOf(theme, most !== undefined);
  for (let i = 0; i < pixels.length; i++) {
    const value = values[i] as number;
    const share = most === undefined ? value : (value / most + 1) / 2;
    pixels[i] = scale[Math.round(LEVELS * Math.min(1, Math.max(0, share)))] as number;
  }
  return image;
}
