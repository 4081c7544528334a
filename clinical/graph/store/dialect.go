package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// dialect is what differs between the two databases.
type dialect struct {
	name        string
	placeholder string // of parameter %s
	list        string // "is one of" the texts that a parameter holds as JSON
	column      string // a column of rows that a parameter holds as JSON
	rows        string // those rows: columns, parameter, columns with types
	lock        string // keeps two programs from migrating at once; "" where a transaction does
}

var (
	sqlite = dialect{
		name: "sqlite", placeholder: "?%s", list: "IN (SELECT value FROM json_each(%s))",
		column: "value->>'$.%[1]s' AS %[1]s", rows: "(SELECT %[1]s FROM json_each(%[2]s))",
	}
	postgres = dialect{
		name: "postgres", placeholder: "$%s", list: "= ANY (ARRAY(SELECT jsonb_array_elements_text((%s::text)::jsonb)))",
		column: "%[1]s text", rows: "(SELECT * FROM json_to_recordset((%[2]s::text)::json) AS r(%[1]s))",
		lock: "SELECT pg_advisory_xact_lock(7241895)",
	}
)

var (
	listForm  = regexp.MustCompile(`\{in (\d+)\}`)
	rowsForm  = regexp.MustCompile(`\{rows (\d+) ([a-z_ ]+)\}`)
	paramForm = regexp.MustCompile(`\?(\d+)`)
)

// translate writes a query for the dialect: ?1 is a parameter, {in 2} says that a column is one of
// the texts that parameter 2 holds as a JSON array, {rows 2 a b} the rows with columns a and b that it holds as a JSON array of objects.
func (d dialect) translate(text string) string {
	text = rowsForm.ReplaceAllStringFunc(text, func(s string) string {
		parts := rowsForm.FindStringSubmatch(s)
		var columns []string
		for _, c := range strings.Fields(parts[2]) {
			columns = append(columns, fmt.Sprintf(d.column, c))
		}
		return fmt.Sprintf(d.rows, strings.Join(columns, ", "), "?"+parts[1])
	})
	text = listForm.ReplaceAllStringFunc(text, func(s string) string {
		return fmt.Sprintf(d.list, "?"+listForm.FindStringSubmatch(s)[1])
	})
	return paramForm.ReplaceAllStringFunc(text, func(s string) string { return fmt.Sprintf(d.placeholder, s[1:]) })
}

//go:embed migrations
var migrations embed.FS

// migrate brings the schema up to date, each step in a transaction with the note that it was taken.
func (d dialect) migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Glob(migrations, "migrations/"+d.name+"/*.sql")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return &Error{Kind: KindOpen, Reason: "the graph's database cannot be opened", cause: err}
	}
	if err := d.steps(ctx, tx, files); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return &Error{Kind: KindOpen, Reason: "the graph's schema cannot be brought up to date", cause: err}
	}
	return nil
}

func (d dialect) steps(ctx context.Context, tx *sql.Tx, files []string) error {
	fail := func(err error) error {
		return &Error{Kind: KindOpen, Reason: "the graph's schema cannot be brought up to date", cause: err}
	}
	if d.lock != "" {
		if _, err := tx.ExecContext(ctx, d.lock); err != nil {
			return fail(err)
		}
	}
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS graph_schema (version INTEGER PRIMARY KEY)"); err != nil {
		return fail(err)
	}
	var have int
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM graph_schema").Scan(&have); err != nil {
		return fail(err)
	}
	if have > len(files) {
		return &Error{Kind: KindOpen, Reason: fmt.Sprintf("the graph's schema has version %d, and this program knows %d", have, len(files))}
	}
	for i, name := range files[have:] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		for _, statement := range strings.SplitAfter(string(text), ";\n") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fail(err)
			}
		}
		if _, err := tx.ExecContext(ctx, d.translate("INSERT INTO graph_schema (version) VALUES (?1)"), have+i+1); err != nil {
			return fail(err)
		}
	}
	return nil
}

// retryable says whether a transaction may succeed when it is tried again: PostgreSQL ended it for another's sake.
func retryable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}
