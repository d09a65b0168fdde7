import { defineConfig } from "vitest/config";

const conditions = ["lectern-source", "node", "import", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["scripts/engine.mjs"],
    testTimeout: 60_000,
    maxWorkers: 2, // a file waits for its processes and its browser while another one computes
  },
});
