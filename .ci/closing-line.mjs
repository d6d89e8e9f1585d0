// Prints the closing line of a test run from vitest's JSON report, and fails if anything failed or was skipped,
// save the tests of the corpora: those lie beside the checkout on some machines only, and are no part of the project.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const {
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: skipped,
  numTodoTests: todo,
} = report;
const withoutCorpora = report.testResults
  .flatMap(({ assertionResults }) => assertionResults)
  .filter(({ status, title }) => status === "skipped" && title.endsWith("(with the corpora)")).length;
console.log(`${passed} passed, ${failed} failed, ${skipped + todo} skipped`);
process.exitCode = report.success && passed > 0 && skipped + todo === withoutCorpora ? 0 : 1;
