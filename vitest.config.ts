import { defineConfig } from "vitest/config";

const conditions = ["lectern-source", "node", "import", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["scripts/engine.mjs"],
    testTimeout: 60_000,
  },
});
