// Prints "N passed, N failed, N skipped" from vitest's JSON report (first argument) and exits with 1 unless tests ran
// and none failed. The second argument is vitest's exit code, the third a file to append the three numbers to; the fourth,
// "may skip", lets a run pass whose tests were all skipped, as those that need a GPU are where there is none.
import { appendFileSync, readFileSync } from "node:fs"

const [reportPath, exitCode, countsPath, leave] = process.argv.slice(2)

/** A file that could not be loaded has no tests in the report, but counts as one that failed. */
const filesNotLoaded = (report) =>
  report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length

const read = () => {
  const text = readFileSync(reportPath, "utf8")
  if (text === "") return { passed: 0, failed: 0, skipped: 0 }
  const report = JSON.parse(text)
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + filesNotLoaded(report),
    skipped: report.numPendingTests + report.numTodoTests
  }
}

const counts = read()
// Errors outside any test (an unhandled rejection, no test files at all) fail the run too.
const failed = exitCode === "0" ? counts.failed : Math.max(1, counts.failed)
if (countsPath !== "") appendFileSync(countsPath, `${counts.passed} ${failed} ${counts.skipped}\n`)
const ran = counts.passed + failed > 0 || (leave === "may skip" && counts.skipped > 0)
if (!ran) console.error("error: no test ran; do the file filters match anything?")
console.log(`${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped`)
process.exitCode = failed > 0 || !ran ? 1 : 0
