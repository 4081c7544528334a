package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/graph/store"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/secret"
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
		data, err := secret.Read("graph-url-file", g.cfg.GraphURLFile)
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
		if err := secret.Make(path, graph.MinKey); err != nil {
			return nil, fmt.Errorf("the graph's key: %w", err)
		}
	}
	key, err := secret.Read("graph-key-file", path)
	if err != nil {
		return nil, err
	}
	names, err := graph.NewPseudonyms(key)
	if err != nil {
		return nil, &config.Error{Setting: "graph-key-file", Reason: err.Error()}
	}
	return names, nil
}

func (g *graphs) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.store == nil {
		return nil
	}
	return g.store.Close()
}
