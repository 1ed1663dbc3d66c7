import { liveSeeds } from "./seeds.ts"

/** The other half of lives-even.test.ts. */

liveSeeds(1)
