package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/server/audit"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Find what was changed, taken out or moved in an audit log."`
	Hash   auditHashCmd   `cmd:"" help:"Print what stands in an audit log for a patient or a record."`
}

type auditVerifyCmd struct {
	File []string `arg:"" help:"The log's files in order, or its folder." type:"path"`
	Key  string   `name:"key-file" help:"The log's key; by default audit.key beside the first file. Without it, who can write the log can also forge it." type:"path" env:"BEDSIDE_AUDIT_KEY_FILE" placeholder:"FILE"`
	Head []string `help:"A head= that the server logged: it must be there. May be repeated. Nothing else tells that an end was cut off." placeholder:"N:HEX"`
}

// Help is what --help adds.
func (*auditVerifyCmd) Help() string {
	return `Ends with 1 where something is wrong.

Examples:

  bedside audit verify /var/lib/bedside/audit
  bedside audit verify --key-file audit.key --head 1001:3f... audit-000001.jsonl audit-000002.jsonl`
}

// Run tells of every problem, and what the log holds.
func (c *auditVerifyCmd) Run(a *app) error {
	files, err := c.files()
	if err != nil {
		return err
	}
	v := &audit.Verifier{}
	if v.Key, err = c.key(files[0]); err != nil {
		return err
	}
	for _, text := range c.Head {
		head, err := audit.ParseHead(text)
		if err != nil {
			return &usageError{fmt.Errorf("--head: %w", err)}
		}
		v.Heads = append(v.Heads, head)
	}
	wrong := 0
	for _, path := range files {
		problems, err := verifyFile(v, path)
		if err != nil {
			return err
		}
		for _, p := range problems {
			fmt.Fprintf(a.out, "%s:%d: %s\n", path, p.Line, p.What)
		}
		wrong += len(problems)
	}
	for _, h := range v.MissingHeads() {
		fmt.Fprintf(a.out, "number %d is not there as it was noted\n", h.Seq)
		wrong++
	}
	c.summary(a, v)
	if wrong > 0 {
		return fmt.Errorf("the audit log is not whole: %d problems", wrong)
	}
	return nil
}

func verifyFile(v *audit.Verifier, path string) ([]audit.Problem, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return v.Verify(f)
}

func (c *auditVerifyCmd) summary(a *app, v *audit.Verifier) {
	fmt.Fprintf(a.out, "%d lines", v.Lines)
	if v.Lines > 0 && !v.First.IsZero() {
		fmt.Fprintf(a.out, " from %s to %s, head %s", v.First.Format(time.RFC3339), v.Last.Format(time.RFC3339), v.Head)
	}
	fmt.Fprintln(a.out)
	if !v.FromStart {
		fmt.Fprintln(a.out, "note: the log's first line is not among them")
	}
	if !v.Ended {
		fmt.Fprintln(a.out, "note: the log was not closed: its server runs, was killed, or the end was cut off; --head can tell")
	}
	if v.Key == nil {
		fmt.Fprintln(a.out, "note: without the key, signatures were not looked at: who can write the log can make a chain that fits")
	}
}

// files are the files given, or those of the folder given.
func (c *auditVerifyCmd) files() ([]string, error) {
	if len(c.File) > 1 {
		return c.File, nil
	}
	info, err := os.Stat(c.File[0])
	if err != nil || !info.IsDir() {
		return c.File, err
	}
	files, err := audit.Files(c.File[0])
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s holds no audit log", c.File[0])
	}
	return files, err
}

// key reads the key that is named, or that lies beside the log; nil where there is none.
func (c *auditVerifyCmd) key(first string) ([]byte, error) {
	path := c.Key
	if path == "" {
		path = filepath.Join(filepath.Dir(first), "audit.key")
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
	}
	return audit.ReadKey(path)
}

type auditHashCmd struct {
	Key     string `name:"key-file" help:"The log's key." required:"" type:"path" env:"BEDSIDE_AUDIT_KEY_FILE" placeholder:"FILE"`
	Patient string `help:"File with a patient's id as records have it, or - for standard input." placeholder:"FILE" xor:"what" required:""`
	Record  string `help:"File with a document as it was sent, or -." placeholder:"FILE" xor:"what" required:""`
	Node    string `help:"Id of a node of the knowledge graph." placeholder:"ID" xor:"what" required:""`
	Tenant  string `help:"On whose account the patient's record was sent." placeholder:"NAME"`
}

// Help is what --help adds.
func (*auditHashCmd) Help() string {
	return `Patients and records come from a file or standard input, since a command line is seen by others.

Examples:

  bedside audit hash --key-file audit.key --tenant ward-3 --patient - | xargs -I{} grep {} audit-*.jsonl
  bedside audit hash --key-file audit.key --record patient.fhir.json`
}

// Run prints the hash.
func (c *auditHashCmd) Run(a *app) error {
	key, err := audit.ReadKey(c.Key)
	if err != nil {
		return err
	}
	var hash string
	switch {
	case c.Node != "":
		hash = audit.HashRecord(key, []byte(c.Node))
	case c.Record != "":
		text, err := a.readText(c.Record, maxRecordBytes)
		if err != nil {
			return err
		}
		hash = audit.HashRecord(key, []byte(text))
	default:
		id, err := a.readText(c.Patient, 4096)
		if err != nil {
			return err
		}
		hash = audit.HashPatient(key, c.Tenant, strings.TrimSpace(id))
	}
	_, err = fmt.Fprintln(a.out, hash)
	return err
}
