import { LecternError } from "../common/index.ts";

/** The range of a flag's number, by the words that name it. */
const within = {
  "a number above 0": (x: number) => x > 0 && x < Number.POSITIVE_INFINITY,
  "a whole number above 0": (x: number) => Number.isSafeInteger(x) && x > 0,
  "a whole number from 0": (x: number) => Number.isSafeInteger(x) && x >= 0,
  "a share from 0 to below 1": (x: number) => x >= 0 && x < 1,
};

/** The number that a flag gives, within bounds that are told in words. */
export function number(flag: string, value: string | undefined, bounds: keyof typeof within): number | undefined {
  if (value === undefined) return undefined;
  const parsed = value.trim() === "" ? Number.NaN : Number(value);
  if (!within[bounds](parsed)) throw new LecternError("usage", `${flag} takes ${bounds}; got ${value}`);
  return parsed;
}

/** The value of a flag that takes a whole number above 0. */
export function count(flag: string, value: string | undefined): number | undefined {
  return number(flag, value, "a whole number above 0");
}

/** A count with its noun, in the plural unless it is 1. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
