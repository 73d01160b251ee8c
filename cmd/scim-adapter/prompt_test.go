package main

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// promptness is how soon a hostile request is answered. It is held to that by the best of several tries: what else the machine does only adds to a time. Where
// every try takes longer, as on a machine that is busy, the time that counts is what this process, which holds the client and the directory too, kept a processor
// for. What only waits needs no processor, so the clock on the wall may not show more than three times as much either; on a machine on which everything is shown to take
// longer, so much more, but never a second. The race detector makes everything some ten times as slow.
const (
	promptness = 100 * time.Millisecond * slowness
	leeway     = 3 // times promptness, by the wall
	burden     = 3 // times that, at most, on a busy machine
	tries      = 5
	appetite   = 64 << 20 // bytes that may be allocated on the way, by the client and the directory as well
)

// prompt does something as often as it takes to see it done in time, and says what was not as it should be.
func prompt(t *testing.T, within time.Duration, do func()) (faults []string) {
	t.Helper()
	best, busy, eaten, inTime := time.Hour, time.Hour, uint64(1<<63), false
	strained := strain(t)
	for range tries {
		var was, is runtime.MemStats
		runtime.ReadMemStats(&was)
		started, cpu := time.Now(), processorTime(t, syscall.RUSAGE_SELF)
		do()
		took, used := time.Since(started), processorTime(t, syscall.RUSAGE_SELF)-cpu
		runtime.ReadMemStats(&is)
		best, busy, eaten = min(best, took), min(busy, used), min(eaten, is.TotalAlloc-was.TotalAlloc)
		before := strained
		if took > within {
			strained = strain(t)
		}
		inTime = inTime || took <= within || used <= within && took <= bound(within, max(before, strained))
		if t.Failed() || inTime && eaten <= appetite {
			return nil
		}
	}
	if !inTime {
		faults = append(faults, fmt.Sprintf("it took %s, %s of it on a processor", best, busy))
	}
	if eaten > appetite {
		faults = append(faults, fmt.Sprintf("it took %d MB of memory", eaten>>20))
	}
	return faults
}

// bound is how long something may take by the wall, on a machine on which everything takes so many times as long as it uses a processor.
func bound(within time.Duration, strained float64) time.Duration {
	return time.Duration(float64(leeway*within) * min(strained, burden))
}

// strain is how many times as long as it uses a processor something takes that does nothing else.
func strain(t *testing.T) float64 {
	t.Helper()
	const used = 5 * time.Millisecond
	return max(1, float64(work(t, used))/float64(used))
}

// processorTime is what this process, or this thread, has used of the processors so far.
func processorTime(t *testing.T, who int) time.Duration {
	t.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(who, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// What is bounded here would be bounded in vain if the bounds noticed nothing.
func TestWhatTakesTooLongIsNoticed(t *testing.T) {
	const within = 100 * time.Millisecond
	for claim, c := range map[string]struct {
		do      func()
		noticed string
	}{
		"nothing":                     {func() {}, ""},
		"a sleep of a second":         {func() { time.Sleep(time.Second) }, "it took 1"},
		"a fifth of a second of work": {func() { work(t, 200*time.Millisecond) }, "on a processor"},
		"100 MB of memory":            {func() { eat(100 << 20) }, "MB of memory"},
		"a slow start": {func() func() {
			n := 0
			return func() {
				if n++; n == 1 {
					time.Sleep(time.Second)
				}
			}
		}(), ""},
	} {
		t.Run(claim, func(t *testing.T) {
			faults := strings.Join(prompt(t, within, c.do), "\n")
			if (c.noticed == "") != (faults == "") || !strings.Contains(faults, c.noticed) {
				t.Errorf("noticed %q, want %q", faults, c.noticed)
			}
		})
	}
	for strained, want := range map[float64]time.Duration{1: 300 * time.Millisecond, 2: 600 * time.Millisecond, 50: 900 * time.Millisecond} {
		if got := bound(within, strained); got != want {
			t.Errorf("%s is bounded to %s on a machine %v times as slow, want %s", within, got, strained, want)
		}
	}
}

// work keeps a processor busy, and gives how long that took by the wall.
func work(t *testing.T, used time.Duration) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	started, cpu := time.Now(), processorTime(t, syscall.RUSAGE_THREAD)
	for processorTime(t, syscall.RUSAGE_THREAD)-cpu < used {
	}
	return time.Since(started)
}

// eaten is where it cannot be optimized away.
var eaten []byte

func eat(n int) {
	eaten = make([]byte, n)
	eaten = nil
}
