package dynamic

import (
	"syscall"
	"time"
)

// napLimit is below which a wait is slept by a nap as well. Go's timers end in epoll_wait, which counts milliseconds: in
// an idle process, one of 100 microseconds fires after a whole millisecond.
const napLimit = time.Millisecond

// nap sleeps in the kernel, which holds up a thread but keeps the time.
func nap(d time.Duration) {
	rest := syscall.NsecToTimespec(d.Nanoseconds())
	for syscall.Nanosleep(&rest, &rest) == syscall.EINTR {
		continue // rest is what a signal left of it
	}
}
