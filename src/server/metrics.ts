import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** The counts of a server, in Prometheus' text form. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: "lectern_requests_total",
    help: "Requests by route and status.",
    labelNames: ["route", "status"],
    registers: [this.#registry],
  });
  readonly #seconds = new Histogram({
    name: "lectern_request_seconds",
    help: "Time from a request to the end of its response, in seconds.",
    labelNames: ["route"],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300],
    registers: [this.#registry],
  });
  readonly #tokens = new Counter({
    name: "lectern_tokens_total",
    help: "Tokens that were read (prompt), reused (cached) and written (completion), by model.",
    labelNames: ["model", "kind"],
    registers: [this.#registry],
  });
  readonly #running = new Gauge({
    name: "lectern_requests_running",
    help: "Requests in work or waiting.",
    registers: [this.#registry],
  });
  readonly #waiting = new Gauge({
    name: "lectern_requests_waiting",
    help: "Requests beyond the sequences that are computed at once, an upper bound of those that wait.",
    registers: [this.#registry],
  });
  readonly #loaded = new Gauge({
    name: "lectern_model_loaded",
    help: "1 for a model that is loaded.",
    labelNames: ["model"],
    registers: [this.#registry],
  });

  /** Counts a request that is answered. @param seconds that it took */
  answered(route: string, status: number, seconds: number): void {
    this.#requests.inc({ route, status: String(status) });
    this.#seconds.observe({ route }, seconds);
  }

  tokens(model: string, counts: Readonly<Record<"prompt" | "cached" | "completion", number>>): void {
    for (const [kind, count] of Object.entries(counts)) if (count > 0) this.#tokens.inc({ model, kind }, count);
  }

  load(running: number, waiting: number): void {
    this.#running.set(running);
    this.#waiting.set(waiting);
  }

  models(states: Iterable<{ readonly name: string; readonly isLoaded: boolean }>): void {
    for (const { name, isLoaded } of states) this.#loaded.set({ model: name }, isLoaded ? 1 : 0);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
