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
    c: () => strftime(date, "%a %b %e %H:%M:%S %Y"),
    C: () => two(Math.floor(date.getFullYear() / 100)),
    d: () => two(date.getDate()),
    D: () => strftime(date, "%m/%d/%y"),
    e: () => String(date.getDate()).padStart(2, " "),
    f: () => `${String(date.getMilliseconds()).padStart(3, "0")}000`,
    F: () => strftime(date, "%Y-%m-%d"),
    h: () => strftime(date, "%b"),
    H: () => two(date.getHours()),
    I: () => two(date.getHours() % 12 || 12),
    j: () => String(dayOfYear(date)).padStart(3, "0"),
    m: () => two(date.getMonth() + 1),
    M: () => two(date.getMinutes()),
    n: () => "\n",
    p: () => (date.getHours() < 12 ? "AM" : "PM"),
    R: () => strftime(date, "%H:%M"),
    S: () => two(date.getSeconds()),
    t: () => "\t",
    T: () => strftime(date, "%H:%M:%S"),
    u: () => String(date.getDay() || 7),
    w: () => String(date.getDay()),
    x: () => strftime(date, "%m/%d/%y"),
    X: () => strftime(date, "%H:%M:%S"),
    y: () => two(date.getFullYear() % 100),
    Y: () => String(date.getFullYear()),
    z: () => "",
    Z: () => "",
    "%": () => "%",
  };
  return format.replace(/%-?(.)/g, (whole, directive: string) => {
    const value = directives[directive]?.();
    if (value === undefined) throw new LecternError("unsupported", `strftime_now cannot write ${whole}`);
    return whole.startsWith("%-") ? value.replace(/^[0 ]+(?=.)/, "") : value;
  });
}

function dayOfYear(date: Date): number {
  const midnight = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return (midnight - Date.UTC(date.getFullYear(), 0, 0)) / 86_400_000;
}
