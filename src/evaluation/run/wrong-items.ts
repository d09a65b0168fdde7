import { LecternError, suggestion } from "../../common/index.ts";
import type { ItemRecord } from "./store.ts";

/** The items that a metric scores below 1, in their order. @param metric default the first that items have */
export function wrongItems(items: readonly ItemRecord[], metric?: string): ItemRecord[] {
  const names = Object.keys(items[0]?.scores ?? {});
  const name = metric ?? names[0];
  if (name === undefined || !names.includes(name))
    throw new LecternError(
      "usage",
      names.length === 0
        ? "show: the items of this run are neither right nor wrong: its metrics are over all items"
        : `show: the run has no metric ${name}${suggestion(String(name), names)}`,
    );
  return items.filter(({ scores }) => (scores[name] ?? 0) < 1);
}
