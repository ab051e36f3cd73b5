// Go: database/sql over a driver that does nothing, a buffered channel, a Mutex, a RWMutex, a Once, or a WaitGroup;
// outsider.h has the questions.  Its "threads" are goroutines.
//
//	echo 'pool 8 0 1000' | build/bench/peers/golang sql
package main

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

const capacity = 8

// ---- The stub driver ----

type connector struct {
	openTime       time.Duration
	opened, closed int64 // atomic
}

func (c *connector) open() int64 {
	return atomic.LoadInt64(&c.opened) - atomic.LoadInt64(&c.closed)
}

type connection struct{ of *connector }

var errUnused = errors.New("the stub runs no statements")

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	time.Sleep(c.openTime)
	atomic.AddInt64(&c.opened, 1)
	return &connection{c}, nil
}
func (c *connector) Driver() driver.Driver              { return nil }
func (*connection) Prepare(string) (driver.Stmt, error) { return nil, errUnused }
func (c *connection) Close() error {
	atomic.AddInt64(&c.of.closed, 1)
	return nil
}
func (*connection) Begin() (driver.Tx, error) { return nil, errUnused }

// ---- The two pools ----

type pool interface {
	// pairs takes and gives back until told to stop.
	pairs(stop *int32, hold int, waits *histogram) uint64
}

type sqlPool struct{ db *sql.DB }

func newSQL(c *connector, most, idle int) *sqlPool {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(idle)
	return &sqlPool{db}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (p *sqlPool) take() *sql.Conn {
	c, err := p.db.Conn(context.Background())
	must(err)
	return c
}

// fill opens so many connections.
func (p *sqlPool) fill(count int) {
	var all []*sql.Conn
	for i := 0; i < count; i++ {
		all = append(all, p.take())
	}
	for _, c := range all {
		must(c.Close())
	}
}

func (p *sqlPool) pairs(stop *int32, hold int, waits *histogram) uint64 {
	var done uint64
	for ; atomic.LoadInt32(stop) == 0; done++ {
		var c *sql.Conn
		if done%8 == 0 {
			start := time.Now()
			c = p.take()
			waits.add(uint64(time.Since(start)))
		} else {
			c = p.take()
		}
		spin(hold)
		must(c.Close())
	}
	return done
}

type channelPool chan *connection

func (p channelPool) pairs(stop *int32, hold int, waits *histogram) uint64 {
	var done uint64
	for ; atomic.LoadInt32(stop) == 0; done++ {
		var c *connection
		if done%8 == 0 {
			start := time.Now()
			c = <-p
			waits.add(uint64(time.Since(start)))
		} else {
			c = <-p
		}
		spin(hold)
		p <- c
	}
	return done
}

// ---- A Mutex, with its data beside it ----

type counted struct {
	lock    sync.Mutex
	counter uint64
}

func (s *counted) pairs(stop *int32, outside int, _ *histogram) uint64 {
	var done uint64
	for ; atomic.LoadInt32(stop) == 0; done++ {
		s.lock.Lock()
		s.counter++
		s.lock.Unlock()
		if outside > 0 {
			spin(outside)
		}
	}
	return done
}

// ---- A RWMutex, and its data in a cache line of its own ----

type shared struct {
	lock    sync.RWMutex
	_       [64]byte
	counter uint64
	seen    uint64 // atomic; what is read is not for nothing
}

type readers struct{ *shared }
type writers struct{ *shared }
type mixed struct {
	*shared
	oneIn uint64 // of so many locks one is to write
}

func (s readers) pairs(stop *int32, outside int, _ *histogram) uint64 {
	var done, seen uint64
	for ; atomic.LoadInt32(stop) == 0; done++ {
		s.lock.RLock()
		seen += s.counter
		s.lock.RUnlock()
		spin(outside)
	}
	atomic.AddUint64(&s.seen, seen)
	return done
}

func (s writers) pairs(stop *int32, outside int, _ *histogram) uint64 {
	var done uint64
	for ; atomic.LoadInt32(stop) == 0; done++ {
		s.lock.Lock()
		s.counter++
		s.lock.Unlock()
		spin(outside)
	}
	return done
}

// A once that is done, and latches of eight, each counted down and passed by the one who made it.
type once struct{ sync.Once }
type latches struct{}

const latchCount = 8

func (o *once) pairs(stop *int32, _ int, _ *histogram) uint64 {
	var done uint64
	for ; atomic.LoadInt32(stop) == 0; done += 64 {
		for i := 0; i < 64; i++ {
			o.Do(func() {})
		}
	}
	return done
}

func (latches) pairs(stop *int32, _ int, _ *histogram) uint64 {
	var done uint64
	for ; atomic.LoadInt32(stop) == 0; done++ {
		var latch sync.WaitGroup
		latch.Add(latchCount)
		for i := 0; i < latchCount; i++ {
			latch.Done()
		}
		latch.Wait()
	}
	return done
}

func (s mixed) pairs(stop *int32, outside int, _ *histogram) uint64 {
	var done, seen uint64
	random := uint64(uintptr(unsafe.Pointer(&done))) | 1
	for ; atomic.LoadInt32(stop) == 0; done++ {
		random ^= random << 13
		random ^= random >> 7
		random ^= random << 17
		if random%s.oneIn == 0 {
			s.lock.Lock()
			s.counter++
			s.lock.Unlock()
		} else {
			s.lock.RLock()
			seen += s.counter
			s.lock.RUnlock()
		}
		spin(outside)
	}
	atomic.AddUint64(&s.seen, seen)
	return done
}

// ---- Holding, and waits in buckets of a sixteenth of a power of two ----

var spun uint64
var spinNs float64

//go:noinline
func spin(iterations int) {
	x := uint64(iterations)
	for ; iterations > 0; iterations-- {
		x = x*6364136223846793005 + 1
	}
	if x == 1 {
		spun++
	}
}

func measureSpin() {
	spinNs = 1e9
	for i := 0; i < 50; i++ {
		start := time.Now()
		spin(100000)
		if ns := float64(time.Since(start)) / 100000; ns < spinNs {
			spinNs = ns
		}
	}
}

type histogram [1024]uint64

func (h *histogram) add(ns uint64) {
	if ns < 16 {
		h[ns]++
		return
	}
	shift := bits.Len64(ns) - 5
	h[(shift+1)*16+int(ns>>uint(shift)&15)]++
}

func (h *histogram) quantile(part float64) float64 {
	var total, below uint64
	for _, n := range h {
		total += n
	}
	for i, n := range h {
		below += n
		if below > 0 && float64(below) >= part*float64(total) {
			if i < 16 {
				return float64(i)
			}
			return (16.5 + float64(i%16)) * float64(uint64(1)<<uint(i/16-1))
		}
	}
	return 0
}

// ---- The questions ----

// What is known of one row: the operations of each thread and their waits, of all turns so far.
type row struct {
	totals []uint64
	waits  histogram
}

type crewKey struct{ threads, hold int }

var rows = map[crewKey]*row{}

func run(p pool, threads, holdNs, ms int) (throughput float64, kept *row) {
	key := crewKey{threads, holdNs}
	if rows[key] == nil {
		rows[key] = &row{totals: make([]uint64, threads)}
	}
	kept = rows[key]
	var stop int32
	var all sync.WaitGroup
	done := make([]uint64, threads)
	waits := make([]histogram, threads)
	hold := int(float64(holdNs) / spinNs)
	start := time.Now()
	for i := 0; i < threads; i++ {
		all.Add(1)
		go func(i int) {
			done[i] = p.pairs(&stop, hold, &waits[i])
			all.Done()
		}(i)
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
	atomic.StoreInt32(&stop, 1)
	seconds := time.Since(start).Seconds()
	all.Wait()
	var sum uint64
	for i := range done {
		sum += done[i]
		kept.totals[i] += done[i]
		for b, n := range waits[i] {
			kept.waits[b] += n
		}
	}
	return float64(sum) / seconds, kept
}

func share(totals []uint64) float64 {
	least, most := totals[0], totals[0]
	for _, n := range totals {
		if n < least {
			least = n
		}
		if n > most {
			most = n
		}
	}
	if most == 0 {
		return 0
	}
	return float64(least) / float64(most)
}

func answerPool(p pool, threads, holdNs, ms int) {
	throughput, kept := run(p, threads, holdNs, ms)
	fmt.Printf("{\"throughput\": %.0f, \"p50_ns\": %.0f, \"p99_ns\": %.0f, \"p999_ns\": %.0f, \"share\": %.4f}\n",
		throughput, kept.waits.quantile(0.5), kept.waits.quantile(0.99), kept.waits.quantile(0.999),
		share(kept.totals))
}

// One goroutine, no timer in its loop but one in eight as everywhere.
func answerAlone(p pool, ms int) {
	throughput, _ := run(p, 1, 0, ms)
	fmt.Printf("{\"ns_a_pair\": %.3f}\n", 1e9/throughput)
}

// A spike as its users and its driver see it.
type spike struct {
	busy, waiting, doneNs int64 // atomic
	connector             connector
	start                 time.Time
}

func (s *spike) request(p *sqlPool) {
	atomic.AddInt64(&s.waiting, 1)
	c := p.take()
	atomic.AddInt64(&s.waiting, -1)
	atomic.AddInt64(&s.busy, 1)
	time.Sleep(2 * time.Millisecond)
	atomic.AddInt64(&s.busy, -1)
	must(c.Close())
}

func (s *spike) sample(ms int) string {
	var curve []string
	for at := time.Duration(0); at < time.Duration(ms)*time.Millisecond; at = time.Since(s.start) {
		curve = append(curve, fmt.Sprintf("[%.1f, %d, %d, %d]", float64(at)/1e6,
			s.connector.open(), atomic.LoadInt64(&s.busy), atomic.LoadInt64(&s.waiting)))
		time.Sleep(4 * time.Millisecond)
	}
	return strings.Join(curve, ", ")
}

// 50 goroutines at once, five connections open; opening one takes 150 ms, using one 2 ms.
func answerSpike(ms int) {
	s := &spike{}
	p := newSQL(&s.connector, 50, 5)
	p.fill(5)
	s.connector.openTime = 150 * time.Millisecond
	var all sync.WaitGroup
	all.Add(50)
	s.start = time.Now()
	for i := 0; i < 50; i++ {
		go func() {
			s.request(p)
			all.Done()
		}()
	}
	go func() {
		all.Wait()
		atomic.StoreInt64(&s.doneNs, int64(time.Since(s.start)))
	}()
	curve := s.sample(ms)
	fmt.Printf("{\"end_size\": %d, \"opened\": %d, \"done_ms\": %.1f, \"curve\": [%s]}\n",
		s.connector.open(), atomic.LoadInt64(&s.connector.opened)-5,
		float64(atomic.LoadInt64(&s.doneNs))/1e6, curve)
	must(p.db.Close())
}

func newPool(name string) pool {
	switch name {
	case "mutex":
		return &counted{}
	case "read":
		return readers{&shared{}}
	case "write":
		return writers{&shared{}}
	case "mix":
		return mixed{&shared{}, 20}
	case "rare":
		return mixed{&shared{}, 10000}
	case "once":
		return &once{}
	case "waitgroup":
		return latches{}
	}
	if name == "channel" {
		p := make(channelPool, capacity)
		for i := 0; i < capacity; i++ {
			p <- &connection{}
		}
		return p
	}
	p := newSQL(&connector{}, capacity, capacity)
	p.fill(capacity)
	return p
}

func main() {
	name := "sql"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	measureSpin()
	p := newPool(name)
	run(p, 1, 0, 200)
	rows = map[crewKey]*row{}
	fmt.Printf("{\"peer\": \"%s\", \"version\": \"%s\"}\n", name, strings.TrimPrefix(runtime.Version(), "go"))
	for questions := bufio.NewScanner(os.Stdin); questions.Scan(); {
		var threads, hold, ms int
		line := questions.Text()
		if _, err := fmt.Sscanf(line, "pool %d %d %d", &threads, &hold, &ms); err == nil {
			answerPool(p, threads, hold, ms)
		} else if _, err := fmt.Sscanf(line, "alone %d", &ms); err == nil {
			answerAlone(p, ms)
		} else if _, err := fmt.Sscanf(line, "spike %d", &ms); err == nil && name == "sql" {
			answerSpike(ms)
		} else {
			fmt.Println("{}")
		}
	}
}
