/* Pools for node, generic-pool and tarn; outsider.h has the questions.  Node has one thread: the
 * "threads" are tasks that take turns at each await, and a task that holds busily stops them all.
 *
 *     echo 'pool 8 0 1000' | build/bench/peers/node tarn */
"use strict";

const {createRequire} = require("node:module");
const {performance} = require("node:perf_hooks");
const readline = require("node:readline");

const [name, folder] = [process.argv[2] || "generic-pool", process.argv[3] || "."];
const load = createRequire(folder + "/");
const CAPACITY = 8;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* -- the two pools, in one shape -------------------------------------------------------------- */

/* A database: counts what is open, opens as slowly as it is told to. */
class Stub {
    constructor() {
        this.openMs = 0;
        this.opened = 0;
        this.closed = 0;
    }

    async create() {
        if (this.openMs > 0)
            await sleep(this.openMs);
        this.opened++;
        return {};
    }

    async destroy() {
        this.closed++;
    }

    get open() {
        return this.opened - this.closed;
    }
}

function poolOf(stub, min, max) {
    const factory = {create: () => stub.create(), destroy: (item) => stub.destroy(item)};
    if (name === "generic-pool") {
        const pool = load("generic-pool").createPool(factory, {min, max});
        return {take: () => pool.acquire(), give: (item) => pool.release(item)};
    }
    const {Pool} = load("tarn");
    const pool = new Pool({...factory, min, max, acquireTimeoutMillis: 60000});
    return {take: () => pool.acquire().promise, give: (item) => pool.release(item)};
}

async function fullPool(stub, min, max) {
    const pool = poolOf(stub, min, max);
    const items = [];
    for (let i = 0; i < min; i++)
        items.push(await pool.take());
    for (const item of items)
        await pool.give(item);
    return pool;
}

/* -- waits: nanoseconds in buckets of a sixteenth of a power of two, as in tools.h -------------- */

class Histogram {
    constructor() {
        this.buckets = new Float64Array(64 * 16);
    }

    add(ns) {
        const whole = Math.max(Math.round(ns), 0);
        if (whole < 16) {
            this.buckets[whole]++;
            return;
        }
        const shift = Math.floor(Math.log2(whole)) - 4;
        this.buckets[(shift + 1) * 16 + Math.floor(whole / 2 ** shift) % 16]++;
    }

    quantile(part) {
        const total = this.buckets.reduce((sum, count) => sum + count, 0);
        let below = 0;
        for (let i = 0; i < this.buckets.length; i++) {
            below += this.buckets[i];
            if (below > 0 && below >= part * total)
                return i < 16 ? i : (16.5 + i % 16) * 2 ** (Math.floor(i / 16) - 1);
        }
        return null;
    }
}

/* -- rows ------------------------------------------------------------------------------------- */

class Row {
    constructor(pool, tasks, holdNs) {
        this.pool = pool;
        this.holdMs = holdNs / 1e6;
        this.totals = new Array(tasks).fill(0);
        this.waits = new Histogram();
    }

    async work(index, end) {
        let done = 0;
        for (; performance.now() < end; done++) {
            const start = performance.now();
            const item = await this.pool.take();
            if (done % 8 === 0)
                this.waits.add((performance.now() - start) * 1e6);
            if (this.holdMs > 0)
                for (const until = performance.now() + this.holdMs; performance.now() < until;);
            await this.pool.give(item);
        }
        this.totals[index] += done;
    }

    async run(ms) {
        const before = this.totals.reduce((a, b) => a + b, 0);
        const start = performance.now();
        await Promise.all(this.totals.map((_, index) => this.work(index, start + ms)));
        const done = this.totals.reduce((a, b) => a + b, 0) - before;
        return done / (performance.now() - start) * 1e3;
    }

    get share() {
        return Math.min(...this.totals) / Math.max(...this.totals);
    }
}

/* 50 tasks at once, five connections open; opening one takes 150 ms, using one 2 ms. */
async function spike(ms) {
    const stub = new Stub();
    const pool = await fullPool(stub, 5, 50);
    const state = {busy: 0, waiting: 0, done: 0, doneMs: null};
    stub.openMs = 150;
    const start = performance.now();
    const request = async () => {
        state.waiting++;
        const item = await pool.take();
        state.waiting--;
        state.busy++;
        await sleep(2);
        state.busy--;
        await pool.give(item);
        if (++state.done === 50)
            state.doneMs = performance.now() - start;
    };
    const requests = Array.from({length: 50}, request);
    const curve = [];
    while (performance.now() - start < ms) {
        const at = Math.round((performance.now() - start) * 10) / 10;
        curve.push([at, stub.open, state.busy, state.waiting]);
        await sleep(4);
    }
    await Promise.all(requests);
    return {end_size: stub.open, opened: stub.opened - 5, done_ms: state.doneMs, curve};
}

async function answer(pool, rows, words) {
    if (words[0] === "spike")
        return spike(Number(words[1]));
    const [threads, holdNs, ms] = words[0] === "alone" ? [1, 0, Number(words[1])]
                                                       : words.slice(1).map(Number);
    const key = words.slice(0, words[0] === "alone" ? 1 : 3).join(" ");
    rows[key] = rows[key] || new Row(pool, threads, holdNs);
    const row = rows[key];
    const throughput = await row.run(ms);
    if (words[0] === "alone")
        return {ns_a_pair: 1e9 / throughput};
    return {throughput, p50_ns: row.waits.quantile(0.5), p99_ns: row.waits.quantile(0.99),
            p999_ns: row.waits.quantile(0.999), share: row.share};
}

/* As the others write it: with a space behind each colon. */
function say(what) {
    process.stdout.write(JSON.stringify(what).replace(/":/g, "\": ") + "\n");
}

async function main() {
    const pool = await fullPool(new Stub(), CAPACITY, CAPACITY);
    const rows = {};
    await new Row(pool, 1, 0).run(500);
    const version = `${load(name + "/package.json").version}, node ${process.versions.node}`;
    say({peer: name, version});
    for await (const line of readline.createInterface({input: process.stdin}))
        say(await answer(pool, rows, line.split(" ")));
    process.exit(0);
}

main().catch((error) => {
    console.error(String(error));
    process.exit(1);
});
