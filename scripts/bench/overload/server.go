package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

// connections is how many the load comes by: a connection has room for 1,024 calls at once, and a flood must not wait there.
const connections = 16

// server is a server in a process of its own.
type server struct {
	process *exec.Cmd
	clients []inference.GRPCInferenceServiceClient
	conns   []*grpc.ClientConn
	folder  string
}

// start runs the server with copies of the test models, and waits until it is ready.
func start(ctx context.Context, o options) (*server, error) {
	folder, err := os.MkdirTemp("", "overload")
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder}
	for _, name := range []string{"slow", "simple"} {
		if err := os.CopyFS(filepath.Join(folder, name), os.DirFS(filepath.Join(o.repository, name))); err != nil {
			return nil, err
		}
	}
	s.process = exec.CommandContext(ctx, o.binary, "serve", "--listen", "127.0.0.1:0", "--http-listen", "", "--log-level", "error", //nolint:gosec // the caller's own command line
		"--model", "", "--embedding-model", o.embedding, "--model-repository", folder, "--model-control-mode", "explicit", "--load", "slow,simple")
	s.process.Cancel = func() error { return s.process.Process.Signal(syscall.SIGTERM) }
	s.process.Stderr = os.Stderr
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 2 && words[0] == "gRPC" {
			return s, s.dial(words[1])
		}
	}
	s.stop()
	return nil, fmt.Errorf("%s ended before it was ready", o.binary)
}

func (s *server) dial(addr string) error {
	for range connections {
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		s.conns = append(s.conns, conn)
		s.clients = append(s.clients, inference.NewGRPCInferenceServiceClient(conn))
	}
	return nil
}

// yield lowers this process' priority on Linux, so that on a small machine the load takes little of the server's time.
func yield() {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		if id, err := strconv.Atoi(task.Name()); err == nil {
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, 10) // what it cannot lower stays as it is
		}
	}
}

func (s *server) stop() {
	for _, c := range s.conns {
		_ = c.Close()
	}
	_ = s.process.Process.Signal(syscall.SIGTERM)
	_ = s.process.Wait() // its status says nothing that its log does not
	_ = os.RemoveAll(s.folder)
}

func (s *server) reload(ctx context.Context, name string) error {
	_, err := s.clients[0].RepositoryModelLoad(ctx, &inference.RepositoryModelLoadRequest{ModelName: name})
	return err
}

// residentMiB is the memory that the server has; 0 where the system does not tell.
func (s *server) residentMiB() int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.process.Process.Pid))
	if err != nil {
		return 0
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		return 0
	}
	return pages * os.Getpagesize() >> 20
}

// watchMemory reads the server's memory again and again until the returned function is called, which gives what was read.
func (s *server) watchMemory(every time.Duration) func() []int {
	end, done := make(chan struct{}), make(chan []int)
	go func() {
		var read []int
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				read = append(read, s.residentMiB())
			case <-end:
				done <- read
				return
			}
		}
	}()
	return func() []int { close(end); return <-done }
}
