import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { validate } from "dockerfile-utils";
import { afterAll, describe, expect, test } from "vitest";
import { loadModel } from "../../src/index.ts";
import { cli } from "../helpers/cli.ts";

const work = mkdtempSync(join(tmpdir(), "deploy-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const read = (...path: string[]): string => readFileSync(join(work, ...path), "utf8");
const isBuilt = existsSync("dist/server/index.js");

describe("lectern project deploy", () => {
  test.skipIf(!isBuilt)(
    "writes a container's files; the same entry answers under load outside of one (needs dist)",
    async () => {
      const out = join(work, "docker");
      const args = ["--to", "docker", "--model", "sentiment", "--precision", "int8", "--out", out, "--requests", "8"];
      const deployed = await cli(["project", "deploy", ...args, "--json"]);
      expect(deployed.err).toBe("");
      const { smoke } = JSON.parse(deployed.out);
      expect(smoke).toMatchObject({ route: "/v1/classify", requests: 8, failures: 0, exitCode: 0 });
      expect(existsSync(join(out, "node_modules"))).toBe(false);

      const dockerfile = read("docker", "Dockerfile");
      expect(validate(dockerfile)).toEqual([]);
      expect(dockerfile).toMatch(/^USER node$/m);
      expect(dockerfile).toMatch(/^HEALTHCHECK /m);
      for (const [, files] of dockerfile.matchAll(/^COPY (.+) \S+$/gm))
        for (const file of (files as string).split(" ")) expect(existsSync(join(out, file)), file).toBe(true);
      expect(JSON.parse(read("docker", "server.json")).models).toEqual([
        { name: "sentiment", location: "./model", pinned: true },
      ]);
      await using model = await loadModel(join(out, "model"));
      expect(model.precision).toBe("int8");
    },
    300_000,
  );

  test("writes a package with a systemd unit, and takes a tarball in place of the registry's package", async () => {
    const tarball = join(work, "lectern-0.1.0-linux-x64.tgz");
    writeFileSync(tarball, "a tarball");
    const out = join(work, "node");
    const args = [
      "--to",
      "node",
      "--model",
      "sentiment",
      "--out",
      out,
      "--port",
      "9000",
      "--package",
      tarball,
      "--no-smoke",
    ];
    expect(await cli(["project", "deploy", ...args])).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(read("node", "package.json")).dependencies).toEqual({
      lectern: "file:./lectern-0.1.0-linux-x64.tgz",
    });
    expect(read("node", "lectern-0.1.0-linux-x64.tgz")).toBe("a tarball");
    expect(JSON.parse(read("node", "server.json")).port).toBe(9000);
    expect(read("node", "sentiment.service")).toContain("ExecStart=/usr/bin/env node start.mjs");
    for (const script of ["start.mjs", "health.mjs"])
      expect(spawnSync(process.execPath, ["--check", join(out, script)]).status).toBe(0);
    expect(await cli(["project", "deploy", ...args])).toMatchObject({ code: 0 }); // again, over its own files
  });

  test.skipIf(!existsSync("dist/page"))("writes a page with the model (needs dist)", async () => {
    const out = join(work, "static");
    const args = ["--to", "static", "--model", "stories-gru", "--out", out, "--json"];
    const { files } = JSON.parse((await cli(["project", "deploy", ...args])).out);
    expect(files).toEqual(expect.arrayContaining(["index.html", "lectern.js", "models.json"]));
    const [{ url }] = JSON.parse(read("static", "models.json"));
    await using model = await loadModel(join(out, url));
    expect(model.parameterCount).toBeGreaterThan(1e6);
  });

  test("takes model and precision from the project file", async () => {
    const folder = join(work, "project");
    mkdirSync(folder);
    const choice = { model: "sentiment", precision: "float32" };
    const project = { goal: "Sort reviews", task: "text-classification", test: "test.jsonl", choice };
    writeFileSync(join(folder, "lectern.project.json"), JSON.stringify(project));
    const before = process.cwd();
    const out = join(work, "chosen");
    const main = join(before, "dist/cli/main.js");
    if (!existsSync(main)) return;
    const lectern = (...args: string[]) =>
      spawnSync(process.execPath, [main, "project", ...args], { cwd: folder, encoding: "utf8" });
    const args = ["deploy", "--to", "node", "--out", out, "--no-smoke", "--json"];
    const unrecorded = lectern(...args);
    expect(unrecorded.status).toBe(0);
    expect(unrecorded.stderr).toMatch(/^lectern: this deployment is not in the project's status: .*test\.jsonl/);
    writeFileSync(join(folder, "test.jsonl"), '{ "text": "a joy", "label": "positive" }\n');
    expect(lectern(...args).stderr).toBe("");
    expect(lectern("status").stdout).toMatch(
      /deploy +fresh +deployment of sentiment, float32 +node, not started; measured/,
    );
    expect(JSON.parse(read("chosen", "server.json")).models[0]).toEqual({
      name: "sentiment",
      location: "./model",
      pinned: true,
    });
  });

  test("refuses a folder with other files, an unknown target, precision or name", async () => {
    const full = join(work, "full");
    mkdirSync(full);
    writeFileSync(join(full, "thesis.txt"), "mine");
    const attempt = (...args: string[]) => cli(["project", "deploy", "--model", "sentiment", "--no-smoke", ...args]);
    expect((await attempt("--to", "node", "--out", full)).err).toContain("holds files that no deployment wrote");
    writeFileSync(join(full, "server.json"), "{}"); // a name that a deployment writes, too
    expect((await attempt("--to", "node", "--out", full)).err).toContain("holds files that no deployment wrote");
    expect((await attempt("--to", "kubernetes", "--out", full)).err).toContain("--to takes docker, node or static");
    const out = join(work, "none");
    expect((await attempt("--to", "node", "--out", out, "--precision", "int2")).err).toContain("--precision takes");
    expect((await attempt("--to", "node", "--out", out, "--name", "a b")).err).toContain("a name has letters");
    expect(existsSync(out)).toBe(false);
  });
});
