/** The process that measures speed, training and memory: it takes one order, answers it, and ends. */
import { probeSpeeds, type SpeedOrder } from "./speed.ts";
import { probeTraining, type TrainingOrder } from "./training.ts";

process.once("message", (order: SpeedOrder | TrainingOrder) => {
  const result: Promise<unknown> = order.kind === "speed" ? probeSpeeds(order) : probeTraining(order);
  result.then(
    (value) => process.send?.(value, () => process.exit(0)),
    (error: unknown) => {
      process.stderr.write(error instanceof Error ? error.message : String(error));
      process.exit(1);
    },
  );
});
