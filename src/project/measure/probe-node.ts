/** The process that measures a setup's speed and memory: it takes one order, answers it, and ends. */
import { type ProbeOrder, probe } from "./speed.ts";

process.once("message", (order: ProbeOrder) => {
  probe(order).then(
    (speeds) => process.send?.(speeds, () => process.exit(0)),
    (error: unknown) => {
      process.stderr.write(error instanceof Error ? error.message : String(error));
      process.exit(1);
    },
  );
});
