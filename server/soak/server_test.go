package soak

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

// serverFaults are those of the server's own process, disk and files.
func serverFaults() []fault {
	return []fault{
		{
			name: "process stopped", injected: "SIGSTOP for 5 s, then SIGCONT",
			expected: "calls are late, none fails: a step that the watchdog ends for it is made again", slows: everything,
			inject: func(ctx context.Context, e *env) (string, error) {
				if err := e.signal(syscall.SIGSTOP); err != nil {
					return "", err
				}
				time.Sleep(5 * time.Second)
				err := e.signal(syscall.SIGCONT)
				_, late := e.ready(ctx, true)
				return "late, none failed", errors.Join(err, late)
			},
		},
		{
			name: "audit volume full", injected: "the audit log's file system is filled up",
			expected: "audited calls UNAVAILABLE AUDIT_UNAVAILABLE, not ready; all well again when there is room",
			fails:    func(kind string, code codes.Code) bool { return kind != "health" && code == codes.Unavailable },
			volume:   func(p *place) string { return p.audit }, inject: fullAudit,
		},
		{
			name: "graph volume full", injected: "the knowledge graph's file system is filled up",
			expected: "writes fail, nothing acknowledged is lost, all else goes on; writes succeed again when there is room",
			fails:    func(kind string, _ codes.Code) bool { return kind == "ingest" },
			volume:   func(p *place) string { return p.graph }, inject: fullGraph,
		},
		{
			name: "corrupted model", injected: "a model's file is cut in half, then loaded anew",
			expected: "FAILED_PRECONDITION; the version that is loaded serves on", inject: corruptModel,
		},
		{
			name: "models loaded anew", injected: "a model is loaded anew 20 times while it is used", expected: "nobody notices",
			inject: func(ctx context.Context, e *env) (string, error) {
				for range 20 {
					if _, err := e.ops.inference.RepositoryModelLoad(ctx, &inference.RepositoryModelLoadRequest{ModelName: "simple"}); err != nil {
						return "", err
					}
				}
				return "20 times, nobody noticed", nil
			},
		},
		{
			name: "SIGTERM", injected: "SIGTERM with 8 long texts under way, then a new process",
			expected: "the texts come to their end, new calls UNAVAILABLE, exit code 0", fails: unavailable, slows: everything, inject: drain,
		},
		{
			name: "kill -9", injected: "SIGKILL while records are written, then a new process",
			expected: "every acknowledged write is there, the audit verifies", fails: unavailable, slows: everything, inject: kill,
		},
	}
}

func fullAudit(ctx context.Context, e *env) (seen string, err error) {
	free, err := fill(e.audit)
	if err != nil {
		return "", err
	}
	// The log may still have room in a page that it has.
	for range 200 {
		_, err = e.clinician.inference.ModelInfer(ctx, lookup(1))
		if err != nil {
			break
		}
	}
	_, notReady := e.ready(ctx, false)
	if err := errors.Join(wants(err, codes.Unavailable, "AUDIT_UNAVAILABLE"), notReady, free()); err != nil {
		return "", err
	}
	took, err := e.ready(ctx, true)
	return fmt.Sprintf("UNAVAILABLE, /readyz 503; ready %v after there was room", took.Round(10*time.Millisecond)), err
}

func fullGraph(ctx context.Context, e *env) (string, error) {
	free, err := fill(e.graph)
	if err != nil {
		return "", err
	}
	var ingest kind
	for _, k := range e.traffic.kinds {
		if k.name == "ingest" {
			ingest = k
		}
	}
	var failed outcome
	for range 500 { // the file may have pages to spare
		if failed = e.traffic.ask(ctx, e.clinician, ingest); failed.code != codes.OK {
			break
		}
	}
	if err := free(); err != nil {
		return "", err
	}
	if failed.code == codes.OK {
		return "", errors.New("writing goes on without room")
	}
	took, err := until(ctx, 15*time.Second, func() bool { return e.traffic.ask(ctx, e.clinician, ingest).code == codes.OK })
	return fmt.Sprintf("%v; writes succeed %v after there was room", failed.code, took.Round(10*time.Millisecond)), err
}

func corruptModel(ctx context.Context, e *env) (string, error) {
	path := filepath.Join(e.repository, "simple", "1", "model.onnx")
	whole, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	load := func() error {
		_, err := e.ops.inference.RepositoryModelLoad(ctx, &inference.RepositoryModelLoadRequest{ModelName: "simple"})
		return err
	}
	if err := os.WriteFile(path, whole[:len(whole)/2], 0o600); err != nil {
		return "", err
	}
	broken := load()
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		return "", err
	}
	return "FAILED_PRECONDITION; served on", errors.Join(wants(broken, codes.FailedPrecondition, ""), load())
}

// drain ends the server in order while texts are written, and starts it anew.
func drain(ctx context.Context, e *env) (string, error) {
	const texts = 8
	var wg sync.WaitGroup
	errs, begun := make([]error, texts), make(chan struct{}, texts)
	for i := range texts {
		wg.Go(func() {
			stream, err := e.clinician.generation.StreamGenerate(ctx, generate("", fmt.Sprint("heart rate ", i), 480))
			if err == nil {
				_, err = stream.Recv()
			}
			begun <- struct{}{}
			if err == nil {
				_, err = read(stream, nil)
			}
			errs[i] = err
		})
	}
	for range texts {
		<-begun
	}
	began := time.Now()
	if err := e.signal(syscall.SIGTERM); err != nil {
		return "", err
	}
	wg.Wait()
	errs = append(errs, e.wait(45*time.Second))
	took := time.Since(began)
	return fmt.Sprintf("all %d texts came to their end, exit code 0 after %v", texts, took.Round(10*time.Millisecond)), errors.Join(append(errs, e.again(ctx))...)
}

// kill ends the server without warning, and starts it anew.
func kill(ctx context.Context, e *env) (string, error) {
	if err := e.signal(syscall.SIGKILL); err != nil {
		return "", err
	}
	_ = e.wait(10 * time.Second) // it was killed, and says so
	began := time.Now()
	if err := e.again(ctx); err != nil {
		return "", err
	}
	took := time.Since(began)
	lost, all, err := e.traffic.lost(ctx, e.clinician, 0)
	if lost > 0 {
		err = errors.Join(err, fmt.Errorf("%d of %d acknowledged writes are gone", lost, all))
	}
	return fmt.Sprintf("ready %v later; %d of %d acknowledged writes lost; the audit verifies", took.Round(100*time.Millisecond), lost, all), errors.Join(err, e.verify(ctx))
}

// again starts a new process, and waits until the clients have found it.
func (e *env) again(ctx context.Context) error {
	e.restarts++
	http.DefaultClient.CloseIdleConnections()
	if err := e.start(); err != nil {
		return err
	}
	_, err := until(ctx, patience, func() bool {
		for _, c := range []*clients{e.clinician, e.ops, e.integrator, e.noisy} {
			c.conn.Connect()
			c.conn.ResetConnectBackoff()
		}
		return e.traffic.same(ctx, e.clinician) == nil
	})
	return err
}

// verify has the program check the audit log.
func (e *env) verify(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, e.bin, "audit", "verify", "--key-file", filepath.Join(e.audit, "audit.key"), e.audit)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("audit verify: %w: %s", err, out)
	}
	return nil
}

// rotate gives the server another certificate.
func rotate(ctx context.Context, e *env) (string, error) {
	serial := func() (string, error) {
		conn, err := (&tls.Dialer{Config: e.tls()}).DialContext(ctx, "tcp", e.addr)
		if err != nil {
			return "", err
		}
		defer func() { _ = conn.Close() }()
		secure, ok := conn.(*tls.Conn)
		if !ok {
			return "", errors.New("no TLS")
		}
		return secure.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
	}
	old, err := serial()
	if err != nil {
		return "", err
	}
	cert, key := e.ca.Issue("server", "")
	if err := os.WriteFile(filepath.Join(e.dir, "cert.pem"), cert[:len(cert)/2], 0o600); err != nil {
		return "", err
	}
	time.Sleep(6 * time.Second)
	if still, err := serial(); err != nil || still != old {
		return "", fmt.Errorf("half a certificate: %s instead of %s, %w", still, old, err)
	}
	for name, data := range map[string][]byte{"key.pem": key, "cert.pem": cert} {
		if err := os.WriteFile(filepath.Join(e.dir, name), data, 0o600); err != nil {
			return "", err
		}
	}
	took, err := until(ctx, 12*time.Second, func() bool { now, err := serial(); return err == nil && now != old })
	return fmt.Sprintf("the old one, then the new one after %v", took.Round(100*time.Millisecond)), err
}
