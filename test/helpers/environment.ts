import { afterAll } from "vitest";

/** Files share their worker: a file's changes of the environment end with it. */
const before = { ...process.env };

afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
});
