import { defineConfig, mergeConfig } from "vitest/config";
import base from "./vitest.config.ts";

// The tests that answer for policy, push commands and the redactor.
export default mergeConfig(
  { ...base, test: { ...base.test, include: [], reporters: [], typecheck: { enabled: false } } },
  defineConfig({
    test: {
      include: [
        "test/policy/**/*.test.ts",
        "test/commands/**/*.test.ts",
        "test/execution/redactor.test.ts",
        "test/properties/evaluation.test.ts",
        "test/properties/argv.test.ts",
        "test/registry/**/*.test.ts",
      ],
      reporters: ["default"],
    },
  }),
);
