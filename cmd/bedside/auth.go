package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/bedside-lm/bedside/server/auth"
)

type authCmd struct {
	NewKey newKeyCmd `cmd:"" help:"Make an API key, and add its hash to a callers' file."`
}

type newKeyCmd struct {
	File    string   `help:"The server's --callers-file; it is made where there is none." env:"BEDSIDE_CALLERS_FILE" required:"" type:"path" placeholder:"FILE"`
	Role    []string `help:"What the holder is: clinician, integrator, operator or auditor; may be repeated." enum:"clinician,integrator,operator,auditor" required:"" placeholder:"ROLE"`
	Tenant  string   `help:"On whose account the holder calls, such as a ward." placeholder:"NAME"`
	Subject string   `help:"The holder's name in the audit log; by default the key's public part." placeholder:"NAME"`
	Days    int      `help:"Days until the key expires; 0: never." default:"365"`
}

// Help is what --help adds.
func (*newKeyCmd) Help() string {
	return `The key is printed once and kept nowhere; a running server knows it within seconds. To
withdraw a key, take its line out of the file.

Examples:

  bedside auth new-key --file callers.yaml --role clinician --tenant ward-3 > key
  bedside auth new-key --file callers.yaml --role operator --role auditor --subject night-shift`
}

// Run prints the key, and nothing else, so that it can be sent into a file.
func (c *newKeyCmd) Run(a *app) error {
	holder := auth.KeyHolder{Subject: c.Subject, Tenant: c.Tenant}
	for _, r := range c.Role {
		holder.Roles = append(holder.Roles, auth.Role(r))
	}
	now := time.Now().UTC().Truncate(time.Second)
	switch {
	case c.Days < 0 || c.Days > 36500:
		return &usageError{errors.New("--days is outside 0 to 36500")}
	case c.Days > 0:
		holder.Expires = now.AddDate(0, 0, c.Days)
	}
	key, err := auth.NewKey(c.File, holder, now)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(a.out, key); err != nil {
		return err
	}
	if a.outIsTTY {
		fmt.Fprintln(a.err, "This is the only time that the key is shown.")
	}
	return nil
}
