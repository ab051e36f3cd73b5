"""SQLAlchemy's QueuePool over connections that do nothing; outsider.h has the questions.

    echo 'pool 8 0 1000' | build/bench/peers/sqlalchemy
"""
import json
import platform
import sys
import threading
import time

import sqlalchemy
from sqlalchemy.pool import QueuePool

CAPACITY = 8


class Stub:
    """A database: counts what is open, opens as slowly as it is told to."""

    def __init__(self):
        self.open_seconds = 0
        self.opened = 0
        self.closed = 0
        self.lock = threading.Lock()

    def connect(self):
        if self.open_seconds > 0:
            time.sleep(self.open_seconds)
        with self.lock:
            self.opened += 1
        return Connection(self)


class Connection:
    def __init__(self, stub):
        self.stub = stub

    def rollback(self):
        pass

    def close(self):
        with self.stub.lock:
            self.stub.closed += 1


def full_pool(stub, size, overflow):
    pool = QueuePool(stub.connect, pool_size=size, max_overflow=overflow, timeout=60,
                     reset_on_return=None)
    for connection in [pool.connect() for _ in range(size)]:
        connection.close()
    return pool


class Histogram:
    """Nanoseconds in buckets of a sixteenth of a power of two, as in tools.h."""

    def __init__(self):
        self.buckets = [0] * (64 * 16)

    def add(self, ns):
        shift = max(ns.bit_length() - 5, -1)
        self.buckets[ns if ns < 16 else (shift + 1) * 16 + (ns >> shift & 15)] += 1

    def merge(self, other):
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets)]

    def quantile(self, part):
        total = sum(self.buckets)
        below = 0
        for i, count in enumerate(self.buckets):
            below += count
            if below > 0 and below >= part * total:
                return i if i < 16 else (16.5 + i % 16) * 2 ** (i // 16 - 1)
        return None


class Row:
    """One number of threads, one time to hold: what is known from all turns so far."""

    def __init__(self, pool, threads, hold_ns):
        self.pool = pool
        self.hold_ns = hold_ns
        self.totals = [0] * threads
        self.waits = Histogram()
        self.turns = [Histogram() for _ in self.totals]
        self.is_stopped = False

    def work(self, index):
        pool, hold_ns, waits, clock = self.pool, self.hold_ns, self.turns[index], time.perf_counter_ns
        done = 0
        while not self.is_stopped:
            if done % 8 == 0:
                start = clock()
                connection = pool.connect()
                waits.add(clock() - start)
            else:
                connection = pool.connect()
            if hold_ns > 0:
                end = clock() + hold_ns
                while clock() < end:
                    pass
            connection.close()
            done += 1
        self.totals[index] += done

    def run(self, ms):
        before = sum(self.totals)
        self.is_stopped = False
        self.turns = [Histogram() for _ in self.totals]
        threads = [threading.Thread(target=self.work, args=(i,)) for i in range(len(self.totals))]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        time.sleep(ms / 1e3)
        self.is_stopped = True
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - start
        for turn in self.turns:
            self.waits.merge(turn)
        return (sum(self.totals) - before) / seconds

    def share(self):
        return min(self.totals) / max(self.totals) if max(self.totals) > 0 else None


class Spike:
    """50 threads at once, five connections open; opening one takes 150 ms, using one 2 ms."""

    def __init__(self):
        self.stub = Stub()
        self.pool = full_pool(self.stub, 5, 45)
        self.stub.open_seconds = 0.150
        self.lock = threading.Lock()
        self.busy = self.waiting = self.done = 0
        self.done_ms = None
        self.gate = threading.Event()

    def count(self, busy, waiting):
        with self.lock:
            self.busy += busy
            self.waiting += waiting

    def request(self):
        self.gate.wait()
        self.count(0, 1)
        connection = self.pool.connect()
        self.count(1, -1)
        time.sleep(0.002)
        self.count(-1, 0)
        connection.close()
        with self.lock:
            self.done += 1
            if self.done == 50:
                self.done_ms = (time.perf_counter() - self.start) * 1e3

    def run(self, ms):
        threads = [threading.Thread(target=self.request) for _ in range(50)]
        for thread in threads:
            thread.start()
        self.start = time.perf_counter()
        self.gate.set()
        curve = []
        while not curve or curve[-1][0] < ms:
            curve.append([round((time.perf_counter() - self.start) * 1e3, 1),
                          self.stub.opened - self.stub.closed, self.busy, self.waiting])
            time.sleep(0.004)
        for thread in threads:
            thread.join()
        return {"end_size": self.stub.opened - self.stub.closed, "opened": self.stub.opened - 5,
                "done_ms": self.done_ms, "curve": curve}


def answer(pool, rows, words):
    if words[0] == "spike":
        return Spike().run(int(words[1]))
    if words[0] == "alone":
        row = rows.setdefault("alone", Row(pool, 1, 0))
        return {"ns_a_pair": 1e9 / row.run(int(words[1]))}
    if words[0] != "pool":
        return {}
    threads, hold_ns, ms = (int(word) for word in words[1:])
    row = rows.setdefault((threads, hold_ns), Row(pool, threads, hold_ns))
    throughput = row.run(ms)
    return {"throughput": throughput, "p50_ns": row.waits.quantile(0.5),
            "p99_ns": row.waits.quantile(0.99), "p999_ns": row.waits.quantile(0.999),
            "share": row.share()}


def main():
    pool = full_pool(Stub(), CAPACITY, 0)
    rows = {}
    Row(pool, 1, 0).run(100)
    version = f"{sqlalchemy.__version__}, Python {platform.python_version()}"
    print(json.dumps({"peer": "SQLAlchemy QueuePool", "version": version}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(pool, rows, line.split())), flush=True)


main()
