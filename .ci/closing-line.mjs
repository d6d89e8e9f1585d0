// Prints the closing line of a test run from vitest's JSON report, and fails if anything failed or was skipped.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const {
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: skipped,
  numTodoTests: todo,
} = report;
console.log(`${passed} passed, ${failed} failed, ${skipped + todo} skipped`);
process.exitCode = report.success && passed > 0 && skipped + todo === 0 ? 0 : 1;
