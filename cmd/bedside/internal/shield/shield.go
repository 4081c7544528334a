//go:build linux

package shield

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// marker makes a process of this program a filter of standard input.
const marker = "BEDSIDE_SHIELD"

// pipeBytes is how much a dying process can say at once, however slowly it is read.
const pipeBytes = 1 << 20

// RunIfAsked turns this process into the filter where it was started as one. Call it first.
func RunIfAsked() {
	if os.Getenv(marker) != "1" {
		return
	}
	if Filter(os.Stdin, os.Stderr) != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// Raise puts the filter behind standard error and returns what standard error was, for the log, which is written with
// care. A process that has this behind it can neither be dumped nor looked into by others of the same user.
func Raise() (log io.Writer, err error) {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("no core dumps: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	fd, err := unix.FcntlInt(os.Stderr.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	before := os.NewFile(uintptr(fd), os.Stderr.Name())
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, errors.Join(err, before.Close())
	}
	_, _ = unix.FcntlInt(uintptr(ends[1]), unix.F_SETPIPE_SZ, pipeBytes) // a smaller one does, too
	out := os.NewFile(uintptr(ends[0]), "standard error")
	cmd := exec.Command(program) //nolint:gosec // this program
	cmd.Env, cmd.Stdin, cmd.Stderr = []string{marker + "=1"}, out, before
	// A signal to the process group, such as Ctrl-C, is not for the filter: it ends when there is no more to read.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("the process that standard error leads into: %w", err), before.Close(), out.Close(), unix.Close(ends[1]))
	}
	// The reading end stays open here as well, and nobody waits to write: should the filter be killed, writing neither
	// ends this process nor holds it up.
	if err := unix.SetNonblock(ends[1], true); err != nil {
		return nil, err
	}
	if err := unix.Dup3(ends[1], int(os.Stderr.Fd()), 0); err != nil {
		return nil, err
	}
	go func() { _ = cmd.Wait() }() // it is not left behind as a zombie
	return kept{before, out}, unix.Close(ends[1])
}

// kept writes to what standard error was, and keeps the pipe's reading end from being collected.
type kept struct {
	*os.File
	pipe *os.File
}
