import { relative } from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const conditions = ["lectern-source", "node", "import", "default"];

/** The files that take longest, in this order; begun last, one of them would go on alone on one core. */
const longest = [
  "test/browser/studio-course.test.ts",
  "src/training/recipe/finetune.test.ts",
  "test/browser/studio.test.ts",
  "test/browser/browser.test.ts",
  "test/guides.test.ts",
  "test/course.test.ts",
  "test/browser/training.test.ts",
  "test/training-worker.test.ts",
  "test/worker.test.ts",
  "test/browser/studio-axe.test.ts",
  "test/parity/forward.test.ts",
  "test/onnx-export.test.ts",
  "src/training/resume.test.ts",
];

/** Files that need a thread in which no engine has run: it sets numbers near zero to zero. */
const apart = ["test/parity/templates.test.ts"];

/** Runs the longest files first, and of the others the largest. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.indexOf(relative(import.meta.dirname, moduleId));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    globalSetup: ["scripts/engine.mjs", "test/helpers/temporary-files.ts"],
    setupFiles: ["test/helpers/environment.ts"],
    testTimeout: 60_000,
    maxWorkers: 3, // one more than CI has cores: a file often waits, for its processes, its browser or a socket
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "shared", // the modules of src are loaded once for each worker, not once for each file
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...apart],
          isolate: false,
        },
      },
      { extends: true, test: { name: "apart", include: apart, isolate: true } },
    ],
  },
});
