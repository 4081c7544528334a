package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bedside-lm/bedside/clinical/hl7v2"
	"github.com/bedside-lm/bedside/clinical/hl7v2/mllp"
)

type listenCmd struct {
	MLLP        string        `name:"mllp" help:"Address to listen on." default:"127.0.0.1:2575"`
	Out         string        `help:"Folder for the messages: one file a day, which \"bedside prepare\" reads." type:"path" required:"" placeholder:"DIR"`
	Expose      bool          `help:"Listen beyond this machine although MLLP neither asks who is sending nor hides what is sent."`
	IdleTimeout time.Duration `help:"End a connection on which nothing comes for this long." default:"5m"`
}

// Help is what --help adds.
func (*listenCmd) Help() string {
	return `Takes HL7 v2 results (ORU^R01) of monitors and analysers over MLLP. A message is acknowledged as
accepted (AA) once it is read without a fault and stored on disk; one with a fault is refused
(AE) with the field at fault, and one that could not be stored is sent back (AR) to be sent again.

Examples:

  bedside listen --out inbox/
  bedside prepare inbox/ --out cohort/`
}

// Validate is kong's hook.
func (l *listenCmd) Validate() error {
	host, _, err := net.SplitHostPort(l.MLLP)
	if err != nil {
		return fmt.Errorf("--mllp %q: expected HOST:PORT", l.MLLP)
	}
	if ip := net.ParseIP(host); !l.Expose && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("--mllp is not an address of this machine alone; --expose listens there all the same")
	}
	return nil
}

// Run listens until a signal comes.
func (l *listenCmd) Run(a *app) error {
	if err := os.MkdirAll(l.Out, 0o750); err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(a.ctx, "tcp", l.MLLP)
	if err != nil {
		return err
	}
	in := &inbox{dir: l.Out, now: time.Now}
	fmt.Fprintf(a.out, "taking HL7 v2 messages on %s into %s; Ctrl-C ends\n", listener.Addr(), l.Out)
	server := &mllp.Server{Handle: in.store, IdleTimeout: l.IdleTimeout}
	err = server.Serve(a.ctx, listener)
	taken, refused, closed := in.close()
	fmt.Fprintf(a.out, "%d messages stored, %d refused\n", taken, refused)
	return errors.Join(err, closed)
}

// inbox stores messages, a file a day.
type inbox struct {
	dir string
	now func() time.Time

	mu             sync.Mutex
	file           *os.File
	day            string
	taken, refused int
}

// store returns once the message is on disk.
func (in *inbox) store(_ context.Context, message []byte) error {
	_, err := hl7v2.Parse(message, hl7v2.Limits{})
	in.mu.Lock()
	defer in.mu.Unlock()
	if err != nil {
		in.refused++
		return err
	}
	if err := in.open(); err != nil {
		return err
	}
	if !bytes.HasSuffix(message, []byte("\r")) {
		message = append(message, '\r')
	}
	if err := in.append(message); err != nil {
		return err
	}
	in.taken++
	return nil
}

// append writes a message whole, or takes back what of it was written: what stands in the file
// was acknowledged.
func (in *inbox) append(message []byte) error {
	info, err := in.file.Stat()
	if err != nil {
		return err
	}
	if _, err = in.file.Write(message); err == nil {
		err = in.file.Sync()
	}
	if err != nil {
		return errors.Join(err, in.file.Truncate(info.Size()))
	}
	return nil
}

// open has the day's file open.
func (in *inbox) open() error {
	day := in.now().UTC().Format("2006-01-02")
	if in.file != nil && day == in.day {
		return nil
	}
	if in.file != nil {
		if err := in.file.Close(); err != nil {
			return err
		}
		in.file = nil
	}
	f, err := os.OpenFile(filepath.Join(in.dir, day+".hl7"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	in.file, in.day = f, day
	return nil
}

func (in *inbox) close() (taken, refused int, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.file != nil {
		err = in.file.Close()
	}
	return in.taken, in.refused, err
}
