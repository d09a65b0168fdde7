import { LecternError } from "../common/index.ts";

/** Python's `strftime` in its C locale, for the dates that chat templates write. */
export function strftime(date: Date, format: string): string {
  const name = (options: Intl.DateTimeFormatOptions): string => date.toLocaleDateString("en-US", options);
  const two = (value: number): string => String(value).padStart(2, "0");
  const directives: Readonly<Record<string, () => string>> = {
    a: () => name({ weekday: "short" }),
    A: () => name({ weekday: "long" }),
    b: () => name({ month: "short" }),
    B: () => name({ month: "long" }),
    d: () => two(date.getDate()),
    e: () => String(date.getDate()).padStart(2, " "),
    F: () => strftime(date, "%Y-%m-%d"),
    H: () => two(date.getHours()),
    I: () => two(date.getHours() % 12 || 12),
    m: () => two(date.getMonth() + 1),
    M: () => two(date.getMinutes()),
    p: () => (date.getHours() < 12 ? "AM" : "PM"),
    S: () => two(date.getSeconds()),
    T: () => strftime(date, "%H:%M:%S"),
    y: () => two(date.getFullYear() % 100),
    Y: () => String(date.getFullYear()),
    "%": () => "%",
  };
  return format.replace(/%-?(.)/g, (whole, directive: string) => {
    const value = directives[directive]?.();
    if (value === undefined) throw new LecternError("unsupported", `strftime_now cannot write ${whole}`);
    return whole.startsWith("%-") ? value.replace(/^[0 ]+(?=.)/, "") : value;
  });
}
