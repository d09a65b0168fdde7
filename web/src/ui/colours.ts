import type { Theme } from "../state.ts";

type Rgb = readonly [number, number, number];

const mix = (from: Rgb, to: Rgb, share: number): string => {
  const [r, g, b] = from.map((part, i) => Math.round(part + ((to[i] as number) - part) * share));
  return `rgb(${r} ${g} ${b})`;
};

const ground: Readonly<Record<Theme, Rgb>> = { light: [255, 255, 255], dark: [24, 27, 33] };
const strong: Readonly<Record<Theme, Rgb>> = { light: [23, 63, 148], dark: [140, 182, 255] };
const positive: Readonly<Record<Theme, Rgb>> = { light: [30, 96, 180], dark: [120, 170, 255] };
const negative: Readonly<Record<Theme, Rgb>> = { light: [196, 84, 16], dark: [255, 158, 92] };

/** From the page's ground to its strongest blue; small shares are lifted, so that they can be seen. */
export function shade(theme: Theme, share: number): string {
  return mix(ground[theme], strong[theme], Math.sqrt(Math.min(1, Math.max(0, share))));
}

/** Blue above 0, orange below. @param value from −1 to 1 */
export function diverge(theme: Theme, value: number): string {
  const to = value < 0 ? negative[theme] : positive[theme];
  return mix(ground[theme], to, Math.min(1, Math.abs(value)));
}
