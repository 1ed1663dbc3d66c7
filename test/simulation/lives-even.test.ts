import { liveSeeds } from "./seeds.ts"

/** Lives of a pool, each by a seed, with what can go wrong and then all well again; a failure says how to see it again. */

liveSeeds(0)
