import { assert, describe, it } from "@effect/vitest"
import { afterCrash, afterStable, allowed, noFailures, type Restarts, trialIntervalMs } from "./restarts.ts"

const crash = { why: "exit code 1", readyForMs: 0, maxFailures: 4 }

describe("restarts", () => {
  it("waits longer after each crash in a row, and gives up for a while after the last allowed one", () => {
    let restarts: Restarts = noFailures
    const delays: Array<number> = []
    for (let count = 0; count < 5; count++) {
      restarts = afterCrash(restarts, crash, 0)
      delays.push(restarts.notBefore)
    }
    assert.deepStrictEqual(delays, [250, 500, 1_000, trialIntervalMs, trialIntervalMs])
  })

  it("starts none before its time, then all that are wanted, and only one as a trial", () => {
    const once = afterCrash(noFailures, crash, 1_000)
    const wanted = { count: 3, starting: 0, maxFailures: 4 }
    assert.strictEqual(allowed(once, wanted, 1_249), 0)
    assert.strictEqual(allowed(once, wanted, 1_250), 3)
    assert.strictEqual(allowed({ ...once, failures: 4 }, wanted, 1_250), 1)
    assert.strictEqual(allowed({ ...once, failures: 4 }, { ...wanted, starting: 1 }, 1_250), 0)
    assert.strictEqual(allowed(once, { ...wanted, starting: 1 }, 1_250), 3)
    assert.strictEqual(allowed(noFailures, wanted, 0), 3)
  })

  it("one that was ready for long does not add to the row; one that stays clears it", () => {
    const thrice = { ...noFailures, failures: 3 }
    assert.strictEqual(afterCrash(thrice, { ...crash, readyForMs: 10_000 }, 0).failures, 1)
    assert.strictEqual(afterCrash(thrice, { ...crash, readyForMs: 9_999 }, 0).failures, 4)
    assert.strictEqual(afterStable(thrice, [0], 9_999).failures, 3)
    assert.strictEqual(afterStable(thrice, [0], 10_000).failures, 0)
  })

  it("one that was ready before the last failure clears nothing: it may run where all is well, and others fail elsewhere", () => {
    const failed = afterCrash(noFailures, crash, 5_000)
    assert.strictEqual(afterStable(failed, [5_000], 3_600_000).failures, 1)
    assert.strictEqual(afterStable(failed, [0, 5_001], 15_001), noFailures)
  })
})
