package store_test

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// postgresFolder is where PostgreSQL's programs are: in $BEDSIDE_POSTGRES, on the path, or where Debian puts them.
func postgresFolder() string {
	if dir := os.Getenv("BEDSIDE_POSTGRES"); dir != "" {
		return dir
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // an error of the pattern alone
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(slices.Max(found))
}

// startPostgres runs a server of the test's own, on a socket in a folder, and gives its URL.
func startPostgres(t *testing.T) string {
	t.Helper()
	bin := postgresFolder()
	if bin == "" {
		t.Skip("PostgreSQL is not installed (set BEDSIDE_POSTGRES to the folder of its programs): only SQLite is tested")
	}
	dir, err := os.MkdirTemp("", "bedside-pg") // t.TempDir's path can be too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	attributes := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // which PostgreSQL refuses
		who, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("PostgreSQL does not run as root, and there is no user postgres: only SQLite is tested")
		}
		uid, err := strconv.ParseUint(who.Uid, 10, 32)
		require.NoError(t, err)
		gid, err := strconv.ParseUint(who.Gid, 10, 32)
		require.NoError(t, err)
		require.NoError(t, os.Chown(dir, int(uid), int(gid)))
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = dir, attributes
		return cmd
	}
	data := filepath.Join(dir, "data")
	out, err := command("initdb", "-D", data, "-U", "bedside", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale").CombinedOutput()
	require.NoError(t, err, string(out))
	// pg_ctl waits until the server takes connections.
	start := command("pg_ctl", "-D", data, "-w", "-l", filepath.Join(dir, "log"), "-o", "-k "+dir+" -c listen_addresses=''", "start")
	require.NoError(t, start.Run())
	t.Cleanup(func() { require.NoError(t, command("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop").Run()) })
	return "postgres://bedside@/postgres?host=" + dir
}
