package soak

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/auth/authtest"
)

// Settings of the server under test that faults rely on.
const (
	stepTimeout     = 3 * time.Second
	sendTimeout     = 2 * time.Second
	maxMessageBytes = 8 << 20
	volumeBytes     = 256 << 20
	issuer          = "https://idp.example"
	audience        = "bedside"
	language        = "bedside-gru"
	embedding       = "multilingual-e5-small"
	trap            = "trap-gru"
)

// place is a server in a process of its own, with all that it needs, which outlives the process.
type place struct {
	dir          string
	bin          string
	addr, http   string
	args         []string
	ca           *authtest.CA
	signer       *authtest.Signer
	forger       *authtest.Signer  // whom the server does not know
	keys         map[string]string // API keys by name
	tmpfs        []string          // folders that are volumes of their own
	log          *os.File
	process      *exec.Cmd
	exited       chan error
	restarts     int
	audit, graph string // folders
	repository   string
}

// newPlace builds the server and lays its folders out.
func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{dir: t.TempDir(), ca: authtest.NewCA(t), signer: authtest.NewSigner(t, "one"), forger: authtest.NewSigner(t, "one"), keys: map[string]string{}}
	p.bin = filepath.Join(p.dir, "bedside")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "faults", "-o", p.bin, "../../cmd/bedside")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	p.addr, p.http = freePort(t), freePort(t)
	p.audit, p.graph = p.volume(t, "audit"), p.volume(t, "graph")
	p.repository = filepath.Join(p.dir, "models")
	for _, name := range []string{"simple", "lookup", "endless", "identity_fp32", "traps/" + trap} {
		from := "../../testdata/models/" + name
		if strings.Contains(name, "/") {
			from = "../../testdata/" + name
		}
		require.NoError(t, os.CopyFS(filepath.Join(p.repository, filepath.Base(name)), os.DirFS(from)))
	}
	p.secure(t)
	log, err := os.Create(filepath.Join(p.dir, "server.log"))
	require.NoError(t, err)
	p.log = log
	t.Cleanup(func() {
		_ = log.Close()
		if t.Failed() {
			t.Logf("what the server said, but for its calls:\n%s", p.said())
		}
	})
	shipped, err := filepath.Abs("../../models")
	require.NoError(t, err)
	p.args = []string{
		"serve", "--listen", p.addr, "--http-listen", p.http, "--log-format", "json",
		"--model", language, "--embedding-model", embedding, "--shipped-models", shipped,
		"--model-repository", p.repository, "--model-control-mode", "explicit", "--load", "*", "--no-verify",
		"--graph-database", filepath.Join(p.graph, "graph.db"), "--audit-dir", p.audit,
		"--tls-cert", filepath.Join(p.dir, "cert.pem"), "--tls-key", filepath.Join(p.dir, "key.pem"),
		"--callers-file", filepath.Join(p.dir, "callers.yaml"), "--jwt-jwks", filepath.Join(p.dir, "jwks.json"),
		"--jwt-issuer", issuer, "--jwt-audience", audience,
		"--step-timeout", stepTimeout.String(), "--send-timeout", sendTimeout.String(), "--max-message-bytes", strconv.Itoa(maxMessageBytes),
		"--tenant-limits", "noisy:requests=5:calls=4",
	}
	return p
}

// volume makes a folder that can be filled up: a file system of its own, where the test may mount one.
func (p *place) volume(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(p.dir, name)
	require.NoError(t, os.Mkdir(dir, 0o700))
	if err := mount(dir, volumeBytes); err != nil {
		t.Logf("no file system of its own for %s (%v): its disk cannot be filled", name, err)
		return dir
	}
	p.tmpfs = append(p.tmpfs, dir)
	t.Cleanup(func() { _ = unmount(dir) })
	return dir
}

// secure issues what callers show.
func (p *place) secure(t *testing.T) {
	t.Helper()
	cert, key := p.ca.Issue("server", "")
	authtest.Write(t, p.dir, "cert.pem", cert)
	authtest.Write(t, p.dir, "key.pem", key)
	authtest.Write(t, p.dir, "jwks.json", authtest.JWKS(t, p.signer))
	for name, holder := range map[string]auth.KeyHolder{
		"clinician":  {Subject: "dr-wang", Roles: []auth.Role{auth.Clinician}, Tenant: "ward"},
		"integrator": {Subject: "monitor", Roles: []auth.Role{auth.Integrator}, Tenant: "ward"},
		"operator":   {Subject: "ops", Roles: []auth.Role{auth.Operator}},
		"noisy":      {Subject: "noisy", Roles: []auth.Role{auth.Clinician}, Tenant: "noisy"},
	} {
		var err error
		p.keys[name], err = auth.NewKey(filepath.Join(p.dir, "callers.yaml"), holder, time.Now())
		require.NoError(t, err)
	}
}

// said is the end of the server's log, without the lines of calls.
func (p *place) said() string {
	data, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		if !strings.Contains(line, `"msg":"call"`) && !strings.Contains(line, "onnxruntime") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-60):], "")
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// start runs the server, and returns when it is ready.
func (p *place) start() error {
	p.process = exec.Command(p.bin, p.args...) //nolint:noctx // ended by stop; a context would kill it
	p.process.Stderr, p.process.SysProcAttr = p.log, orphans()
	out, err := p.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.process.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(strings.TrimSpace(lines.Text()), "gRPC ") {
			process := p.process
			p.exited = make(chan error, 1)
			exited := p.exited
			go func() {
				_, _ = io.Copy(io.Discard, out) // until it ends
				exited <- process.Wait()
			}()
			return nil
		}
	}
	return errors.Join(fmt.Errorf("the server ended before it was ready; its log is in %s", p.log.Name()), p.process.Wait())
}

func (p *place) signal(s syscall.Signal) error { return p.process.Process.Signal(s) }

// wait waits for the process to end.
func (p *place) wait(limit time.Duration) error {
	select {
	case err := <-p.exited:
		return err
	case <-time.After(limit):
		return errors.New("the process does not end")
	}
}

// metrics reads the server's metrics: the sum of each name's series.
func (p *place) metrics(ctx context.Context) (map[string]float64, error) {
	_, body, err := p.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for line := range strings.Lines(body) {
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		name, _, _ := strings.Cut(line[:at], "{")
		if v, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64); err == nil {
			out[name] += v
		}
	}
	return out, nil
}

func (p *place) get(ctx context.Context, path string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.http+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}

// until waits for something to be so.
func until(ctx context.Context, limit time.Duration, so func() bool) (time.Duration, error) {
	began := time.Now()
	for !so() {
		if time.Since(began) > limit {
			return 0, fmt.Errorf("not within %v", limit)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return time.Since(began), nil
}

// ready waits until the server says that it is, or that it is not.
func (p *place) ready(ctx context.Context, want bool) (time.Duration, error) {
	return until(ctx, 15*time.Second, func() bool {
		code, _, err := p.get(ctx, "/readyz")
		return err == nil && (code == http.StatusOK) == want
	})
}
