package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/kong"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/server"
	"github.com/bedside-lm/bedside/server/config"
)

// connection are the flags of every command that calls a server.
type connection struct {
	Addr     string        `help:"Server to call. Without it the engine runs in this process, set up by the BEDSIDE_ variables of \"bedside serve --help\"." env:"BEDSIDE_ADDR" placeholder:"HOST:PORT" group:"connection"`
	Timeout  time.Duration `help:"Longest time a call may take." default:"5m" group:"connection"`
	Insecure bool          `help:"Send in plain text to an address beyond this machine." group:"connection"`
	CA       string        `name:"ca" help:"Certificate authorities to trust instead of the system's (PEM)." type:"path" env:"BEDSIDE_CA" placeholder:"FILE" group:"connection"`
	Cert     string        `help:"Client certificate to show (PEM); needs --key." type:"path" env:"BEDSIDE_CLIENT_CERT" placeholder:"FILE" group:"connection"`
	Key      string        `help:"Private key of --cert (PEM)." type:"path" env:"BEDSIDE_CLIENT_KEY" placeholder:"FILE" group:"connection"`
	Token    string        `name:"token-file" help:"File with a token or an API key to send." type:"path" env:"BEDSIDE_TOKEN_FILE" placeholder:"FILE" group:"connection"`
	Purpose  string        `help:"What the call is for, for the server's audit: a code of HL7 v3's PurposeOfUse, such as TREAT." placeholder:"CODE" group:"connection"`
	Output   string        `help:"text, or json for the response messages (protojson)." enum:"text,json" default:"text" short:"o"`
	Quiet    bool          `help:"No progress on standard error." short:"q"`

	graph bool                 // whether the command needs the knowledge graph
	need  func(*config.Config) // what the command needs of an engine in this process; nil: the language model
}

// Validate is kong's hook: what it finds is a usage error.
func (c *connection) Validate() error {
	if c.Timeout <= 0 {
		return errors.New("--timeout must be longer than nothing")
	}
	if c.Insecure && (c.CA != "" || c.Cert != "") {
		return errors.New("--insecure goes with neither --ca nor --cert")
	}
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("--cert and --key go together")
	}
	return nil
}

// withClient runs call with a client of the server that the flags name, or of an engine
// in this process that ends with it.
func (c *connection) withClient(a *app, call func(*bedside.Client) error) error {
	if c.Addr != "" {
		return c.dial(c.Addr, call)
	}
	engine, err := c.startEngine(a)
	if err != nil {
		return err
	}
	target, inMemory := inProcess(engine)
	return errors.Join(c.dial(target, call, inMemory), shutdown(engine, 10*time.Second))
}

func (c *connection) dial(target string, call func(*bedside.Client) error, opts ...bedside.Option) error {
	security, err := c.security()
	if err != nil {
		return err
	}
	opts = append(opts, bedside.WithTimeout(c.Timeout), bedside.WithFailFast(), bedside.WithUserAgent("bedside-cli/"+version))
	client, err := bedside.Dial(target, append(opts, security...)...)
	if err != nil {
		return &usageError{fmt.Errorf("--addr %q: %w", c.Addr, err)}
	}
	defer client.Close()
	return call(client)
}

// failed makes an error of a call, nil of nil.
func (c *connection) failed(err error) error {
	if err == nil {
		return nil
	}
	return &callError{err: err, conn: c}
}

// security says how the connection is encrypted and who calls.
func (c *connection) security() ([]bedside.Option, error) {
	var out []bedside.Option
	if c.Purpose != "" {
		out = append(out, bedside.WithPurposeOfUse(c.Purpose))
	}
	if c.Addr == "" {
		return out, nil // nobody asks in this process
	}
	if c.Token != "" {
		if _, err := os.Stat(c.Token); err != nil {
			return nil, &usageError{fmt.Errorf("--token-file: %w", err)}
		}
		out = append(out, bedside.WithTokenFile(c.Token))
	}
	if c.Insecure {
		return append(out, bedside.WithInsecure()), nil
	}
	if c.CA == "" && c.Cert == "" {
		return out, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca: %s holds no certificate in PEM form", c.CA)
		}
	}
	if c.Cert != "" {
		cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("--cert, --key: %w", err)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return append(out, bedside.WithTLS(config)), nil
}

// startEngine starts the server without a port.
func (c *connection) startEngine(a *app) (*server.Server, error) {
	var settings struct{ config.Config }
	parser, err := kong.New(&settings) // for the defaults and the environment
	if err != nil {
		return nil, err
	}
	if _, err := parser.Parse(nil); err != nil {
		return nil, &usageError{err}
	}
	cfg := settings.Config
	cfg.Listen, cfg.HTTPListen = "", ""
	cfg.Security = config.Security{AuditDir: cfg.AuditDir, AuditKeyFile: cfg.AuditKeyFile, AuditMaxBytes: cfg.AuditMaxBytes} // there is no port to guard
	cfg.EmbeddingModel = ""                                                                                                  // most commands do without
	if !c.graph {
		cfg.GraphDatabase, cfg.GraphURLFile = "", ""
	}
	if c.need != nil {
		c.need(&cfg)
	}
	// The command itself reports what goes wrong; only an internal error's cause is
	// nowhere but in the log.
	log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelError}))
	if cfg.Model != "" || cfg.EmbeddingModel != "" {
		progress := a.progress("loading the model", c.Quiet)
		defer progress.stop()
	}
	return a.start(a.ctx, cfg, log)
}

func inProcess(s *server.Server) (string, bedside.Option) {
	target, dial := s.InProcess()
	return target, bedside.WithDialOptions(dial...)
}

// shutdown drains s. The command's own context has often ended by then.
func shutdown(s *server.Server, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return s.Shutdown(ctx)
}
