import { readFileSync } from "node:fs";
import { Command } from "commander";
import { validate } from "dockerfile-utils";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { batchCommand } from "../../src/cli/batch.ts";
import { serveCommand } from "../../src/cli/serve.ts";

const read = (path: string): string => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), "utf8");

/** The flags of a command that runs in a container, checked by the parser itself. */
function checkCommand(args: readonly string[]): void {
  const [name = "", ...rest] = args;
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  const own = program.command(name);
  (name === "serve" ? serveCommand : batchCommand)(own, undefined as never, undefined as never);
  const leaf = name === "serve" ? own : own.commands.find((command) => command.name() === rest[0]);
  expect(leaf, args.join(" ")).toBeDefined();
  const flags = args.filter((arg) => arg.startsWith("--"));
  const known = leaf?.options.map(({ long }) => long);
  for (const flag of flags) expect(known, `${name} ${flag}`).toContain(flag);
}

interface Container {
  readonly args: string[];
  readonly ports?: { readonly name: string }[];
  readonly [probe: string]: unknown;
}

test("the manifests run commands that exist, are probed at /ready, and scale by a metric that the server has", () => {
  const kinds = ["server", "worker"].flatMap((name) =>
    parseAllDocuments(read(`kubernetes/${name}.yaml`)).map((document) => document.toJS()),
  );
  const containers = kinds.flatMap(({ spec }) => (spec.template?.spec.containers ?? []) as Container[]);
  expect(containers).toHaveLength(2);
  for (const { args } of containers) checkCommand(args);
  expect(containers[0]?.readinessProbe).toMatchObject({ httpGet: { path: "/ready", port: "http" } });
  const scaler = kinds.find(({ kind }) => kind === "HorizontalPodAutoscaler");
  const metric = scaler.spec.metrics[0].pods.metric.name;
  expect(readFileSync(new URL("../../src/server/metrics.ts", import.meta.url), "utf8")).toContain(`"${metric}"`);
  const service = kinds.find(({ kind }) => kind === "Service");
  expect(service.spec.selector).toEqual(kinds[0].spec.template.metadata.labels);
});

test("the compose file runs commands that exist, and nginx knows its replicas", () => {
  const { services } = parse(read("compose.yaml"), { merge: true });
  const conf = read("nginx.conf");
  for (const name of ["lectern-1", "lectern-2", "worker"]) checkCommand(services[name].command);
  for (const [, host = ""] of conf.matchAll(/server (\S+):8080/g)) expect(Object.keys(services)).toContain(host);
});

test("the Dockerfile is one, runs as no superuser, and its command is one of Lectern's", () => {
  const dockerfile = read("Dockerfile");
  expect(validate(dockerfile)).toEqual([]);
  expect(dockerfile).toMatch(/^USER node$/m);
  expect(/^ENTRYPOINT (.+)$/m.exec(dockerfile)?.[1]).toBe('["lectern"]');
  checkCommand(JSON.parse(/^CMD (.+)$/m.exec(dockerfile)?.[1] ?? "[]"));
});
