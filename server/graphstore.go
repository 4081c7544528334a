package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/graph/store"
	"github.com/bedside-lm/bedside/server/config"
)

// graphs opens the graph's database when it is first asked for, so that a server of which nobody asks for a graph leaves
// nothing on the disk; a database that the configuration names is opened at the start.
type graphs struct {
	cfg config.Config

	mu    sync.Mutex
	store *store.Store
	names *graph.Pseudonyms
}

// errNoGraph says that the server was started without a graph.
var errNoGraph = &store.Error{Kind: store.KindOpen, Reason: "this server has no graph: it was started with an empty --graph-database"}

// start opens a database that the configuration names.
func (g *graphs) start(ctx context.Context) error {
	if g.cfg.GraphDatabase == config.AutoGraph && g.cfg.GraphURLFile == "" || g.cfg.GraphDatabase == "" && g.cfg.GraphURLFile == "" {
		return nil
	}
	_, err := g.get(ctx)
	return err
}

// get gives the store. Once it has, names are there, too, and stay.
func (g *graphs) get(ctx context.Context) (*store.Store, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.store != nil {
		return g.store, nil
	}
	database, err := g.database()
	if err != nil {
		return nil, err
	}
	if g.names, err = g.pseudonyms(database); err != nil {
		return nil, err
	}
	g.store, err = store.Open(ctx, database)
	return g.store, err
}

// database is the file or the URL that the configuration means.
func (g *graphs) database() (string, error) {
	switch {
	case g.cfg.GraphURLFile != "":
		data, err := readSecret("graph-url-file", g.cfg.GraphURLFile)
		if err != nil {
			return "", err
		}
		url := strings.TrimSpace(string(data))
		if !store.IsURL(url) {
			return "", &config.Error{Setting: "graph-url-file", Reason: "must hold one URL that begins with postgres://"}
		}
		return url, nil
	case g.cfg.GraphDatabase == "":
		return "", errNoGraph
	case g.cfg.GraphDatabase != config.AutoGraph:
		return g.cfg.GraphDatabase, nil
	}
	// The XDG Base Directory Specification's place for what a program keeps.
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "bedside", "graph.db"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", &config.Error{Setting: "graph-database", Reason: "must name a file: there is no home folder to keep one in"}
	}
	return filepath.Join(home, ".local", "state", "bedside", "graph.db"), nil
}

// pseudonyms reads the key, or makes one beside a file that has none yet. A database that several servers share needs a
// key that they share, too.
func (g *graphs) pseudonyms(database string) (*graph.Pseudonyms, error) {
	path := g.cfg.GraphKeyFile
	if path == "" && store.IsURL(database) {
		return nil, &config.Error{Setting: "graph-key-file", Reason: "is needed with --graph-url-file: whoever shares the database shares the key"}
	}
	if path == "" {
		path = database + ".key"
		if err := makeKey(path); err != nil {
			return nil, fmt.Errorf("the graph's key: %w", err)
		}
	}
	key, err := readSecret("graph-key-file", path)
	if err != nil {
		return nil, err
	}
	names, err := graph.NewPseudonyms(key)
	if err != nil {
		return nil, &config.Error{Setting: "graph-key-file", Reason: err.Error()}
	}
	return names, nil
}

// makeKey makes a key file, whole or not at all, unless there is one.
func makeKey(path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key := make([]byte, graph.MinKey)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".graph-key-*") // 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) { // another server may have been faster
		return err
	}
	return nil
}

const maxSecret = 64 << 10

func readSecret(setting, path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, &config.Error{Setting: setting, Reason: "names a file that cannot be read"}
	case info.Size() > maxSecret:
		return nil, &config.Error{Setting: setting, Reason: "names a file that is too large"}
	case info.Mode().Perm()&0o077 != 0:
		return nil, &config.Error{Setting: setting, Reason: "names a file that others may read; chmod 600"}
	}
	return os.ReadFile(path)
}

func (g *graphs) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.store == nil {
		return nil
	}
	return g.store.Close()
}
