// Package config is the server's configuration: what every setting is called as a flag,
// in the environment and in a configuration file, its default and its bounds.
package config

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// Config configures a server. The tags are those of github.com/alecthomas/kong: flag
// names are the fields' in kebab case.
type Config struct {
	Listen     string `help:"Address of the gRPC port; empty for none." default:"127.0.0.1:8001" env:"BEDSIDE_LISTEN" group:"network"`
	HTTPListen string `name:"http-listen" help:"Address of the HTTP port for /metrics, /healthz and /readyz; empty for none." default:"127.0.0.1:8002" env:"BEDSIDE_HTTP_LISTEN" group:"network"`
	Expose     bool   `help:"Let ports reach beyond this machine that are not encrypted or ask nobody who is calling. The gRPC port needs it only without TLS and callers." env:"BEDSIDE_EXPOSE" group:"network"`

	Models           string        `help:"Folder of model folders; empty: where 'make setup' exports them. Only models that are named are loaded from it." env:"BEDSIDE_MODELS" placeholder:"DIR" group:"model"`
	Model            string        `help:"Language model that answers when a request names none; empty: none." default:"smollm2-135m-instruct" env:"BEDSIDE_MODEL" group:"model"`
	SummaryModel     string        `help:"Language model that summarises when a request names none; empty: that of --model." env:"BEDSIDE_SUMMARY_MODEL" group:"model"`
	DiagnosisModel   string        `help:"Device language model that suggests diagnoses when a request names none; auto: the first of --shipped-models that can (it has a diagnosis.json), if there is one; empty: none." default:"auto" env:"BEDSIDE_DIAGNOSIS_MODEL" group:"model"`
	TreatmentModel   string        `help:"Device language model that ranks treatments when a request names none; auto: that of --diagnosis-model; empty: none, which leaves the guidelines' order." default:"auto" env:"BEDSIDE_TREATMENT_MODEL" group:"model"`
	NoteModel        string        `help:"Device language model that reads notes for the knowledge graph when a request names none; auto: the first of --shipped-models that can (it has a notes.json), if there is one; empty: none, which leaves them to rules." default:"auto" env:"BEDSIDE_NOTE_MODEL" group:"model"`
	EmbeddingModel   string        `help:"Embedding model that answers when a request names none; empty: none." default:"multilingual-e5-small" env:"BEDSIDE_EMBEDDING_MODEL" group:"model"`
	ShippedModels    string        `help:"Folder of the models that come with Bedside, all of which are loaded; empty: 'models' beside the folder of the program, if it is there; none: none." env:"BEDSIDE_SHIPPED_MODELS" placeholder:"DIR" group:"model"`
	Load             []string      `help:"Further models to load at the start, by name; '*' loads all." env:"BEDSIDE_LOAD" placeholder:"NAME" group:"model"`
	ModelRepository  []string      `help:"Folder laid out as Triton's model repositories are (NAME/VERSION/model.onnx); may be repeated." env:"BEDSIDE_MODEL_REPOSITORY" placeholder:"DIR" group:"model"`
	ModelControlMode string        `help:"none: load all models of the repositories at the start; poll: and follow changes of their folders; explicit: load those of --load, and others when a client asks." enum:"none,poll,explicit" default:"none" env:"BEDSIDE_MODEL_CONTROL_MODE" group:"model"`
	RepositoryPoll   time.Duration `help:"How often --model-control-mode=poll looks for changes." default:"15s" env:"BEDSIDE_REPOSITORY_POLL" group:"model"`
	Verify           bool          `help:"Check every model file's SHA-256 before loading it." default:"true" negatable:"" env:"BEDSIDE_VERIFY" group:"model"`
	ORTLibrary       string        `name:"ort-library" help:"ONNX Runtime's shared library; empty: where 'make setup' puts it." env:"BEDSIDE_ORT_LIBRARY" placeholder:"FILE" group:"model"`
	Threads          int           `help:"Threads within an operator; 0: one a core." default:"0" env:"BEDSIDE_THREADS" group:"model"`

	Slots              int                `help:"Sequences that run at once." default:"64" env:"BEDSIDE_SLOTS" group:"batching"`
	DraftTokens        int                `help:"Most tokens of a step of a language model in which tokens are guessed ahead, from what stands before them in the same text; guesses change no text. 0: none." default:"16" env:"BEDSIDE_DRAFT_TOKENS" group:"batching"`
	PrefixCacheTokens  int                `help:"Tokens of requests that have ended which a language model keeps, so that a request of the same tenant that begins alike need not run them again; 0: none." default:"8192" env:"BEDSIDE_PREFIX_CACHE_TOKENS" group:"batching"`
	SlotCapacity       int                `help:"Tokens of one sequence, prompt and answer together; recurrent models have their whole context, which costs them nothing." default:"2048" env:"BEDSIDE_SLOT_CAPACITY" group:"batching"`
	TokenBudget        int                `help:"Tokens of one step, all sequences together." default:"256" env:"BEDSIDE_TOKEN_BUDGET" group:"batching"`
	MaxChunk           int                `help:"Prompt tokens of one sequence in one step." default:"128" env:"BEDSIDE_MAX_CHUNK" group:"batching"`
	MaxQueueSize       int                `help:"Requests that may wait for a slot." default:"1024" env:"BEDSIDE_MAX_QUEUE_SIZE" group:"batching"`
	AgingInterval      time.Duration      `help:"Waiting time that lifts a request by one priority level." default:"5s" env:"BEDSIDE_AGING_INTERVAL" group:"batching"`
	EmbeddingQueueSize int                `help:"Texts that may wait for an embedding model. The longest wait is about this many times a text's share of a run." default:"2048" env:"BEDSIDE_EMBEDDING_QUEUE_SIZE" group:"batching"`
	TenantWeights      map[string]float64 `help:"Shares of tenants in the queues of language and embedding models; others weigh 1. Tensor models have their own in config.pbtxt." placeholder:"NAME=N" mapsep:"," env:"BEDSIDE_TENANT_WEIGHTS" group:"batching"`

	MaxMessageBytes      int           `help:"Size of the largest request." default:"75497472" env:"BEDSIDE_MAX_MESSAGE_BYTES" group:"limits"`
	MaxRecordBytes       int64         `help:"Size of the largest FHIR document." default:"67108864" env:"BEDSIDE_MAX_RECORD_BYTES" group:"limits"`
	MaxConcurrentStreams uint32        `help:"Calls at once on one connection." default:"1024" env:"BEDSIDE_MAX_CONCURRENT_STREAMS" group:"limits"`
	MaxConnections       int           `help:"Connections at once." default:"1024" env:"BEDSIDE_MAX_CONNECTIONS" group:"limits"`
	MaxConnectionAge     time.Duration `help:"Age at which a connection is asked to end; its calls have --max-connection-age-grace to do so. 0: none." default:"4h" env:"BEDSIDE_MAX_CONNECTION_AGE" group:"limits"`
	MaxConnectionGrace   time.Duration `name:"max-connection-age-grace" help:"Time that calls of an old connection have to finish." default:"10m" env:"BEDSIDE_MAX_CONNECTION_AGE_GRACE" group:"limits"`
	MaxConnectionIdle    time.Duration `help:"Time after which a connection without calls is ended. 0: never." default:"30m" env:"BEDSIDE_MAX_CONNECTION_IDLE" group:"limits"`
	SendTimeout          time.Duration `help:"Time that a client may leave an answer unread before its call is ended." default:"1m" env:"BEDSIDE_SEND_TIMEOUT" group:"limits"`
	TenantLimits         []TenantLimit `help:"Limits of a tenant: calls a second, tokens a second, calls at once, share of each queue; * stands for all that have none of their own." placeholder:"NAME:requests=N:tokens=N:calls=N:queue=SHARE" env:"BEDSIDE_TENANT_LIMITS" group:"limits"`
	RequestTimeout       time.Duration `help:"Time after which a call ends, whatever longer deadline it has." default:"10m" env:"BEDSIDE_REQUEST_TIMEOUT" group:"limits"`
	MemoryLimit          int64         `help:"Memory in bytes: calls are refused at nine tenths of it, and models whose files do not fit are not loaded. 0: that of the control group, else of the machine." default:"0" env:"BEDSIDE_MEMORY_LIMIT" group:"limits"`
	CacheMemory          int64         `help:"Memory in bytes for the key-value cache of each language model: requests wait until what they may need fits. 0: three fifths of what --memory-limit leaves when the model is loaded." default:"0" env:"BEDSIDE_CACHE_MEMORY" group:"batching"`
	StepTimeout          time.Duration `help:"Time after which a run of a model is stopped: what shared it runs again without what hangs. 0: never." default:"1m" env:"BEDSIDE_STEP_TIMEOUT" group:"limits"`
	KeepaliveMinTime     time.Duration `help:"Shortest interval between a client's keepalive pings." default:"10s" env:"BEDSIDE_KEEPALIVE_MIN_TIME" group:"limits"`
	ShutdownGrace        time.Duration `help:"Time that running requests have to finish after SIGTERM." default:"30s" env:"BEDSIDE_SHUTDOWN_GRACE" group:"limits"`

	GraphDatabase string `help:"SQLite file of the knowledge graph; auto: in the user's state folder, made when it is first asked for; empty: none." default:"auto" env:"BEDSIDE_GRAPH_DATABASE" placeholder:"FILE" group:"graph"`
	GraphURLFile  string `name:"graph-url-file" help:"File with the URL of a PostgreSQL database for the knowledge graph, instead of SQLite. It holds a secret: others must not be able to read it." env:"BEDSIDE_GRAPH_URL_FILE" placeholder:"FILE" group:"graph"`
	GraphKeyFile  string `help:"File with the key of the graph's pseudonyms, at least 32 random bytes; empty: a file beside the database, made with it." env:"BEDSIDE_GRAPH_KEY_FILE" placeholder:"FILE" group:"graph"`

	Security
	DeidKeyFile       string `help:"File with the key of de-identification (pseudonyms, hashes, shifted dates, and what undoes them), at least 32 random bytes. It holds a secret: others must not be able to read it. Empty: each answer has a key of its own, which is then gone." env:"BEDSIDE_DEID_KEY_FILE" placeholder:"FILE" group:"privacy"`
	DeidentifyPrompts bool   `help:"Take identifiers out of a record's free text before a model reads it." default:"true" negatable:"" env:"BEDSIDE_DEIDENTIFY_PROMPTS" group:"privacy"`

	Channelz     bool    `help:"Serve channelz (who is connected, how much was sent)." env:"BEDSIDE_CHANNELZ" group:"diagnosis"`
	LogLevel     string  `help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info" env:"BEDSIDE_LOG_LEVEL" group:"diagnosis"`
	OTLPEndpoint string  `name:"otlp-endpoint" help:"Send a span of every call to this OpenTelemetry collector: the URL of its OTLP port for gRPC, https, or http on this machine. Empty: none are made." env:"BEDSIDE_OTLP_ENDPOINT" placeholder:"URL" group:"diagnosis"`
	TraceRatio   float64 `help:"Part of the calls that are traced, where the caller has not decided." default:"1" env:"BEDSIDE_TRACE_RATIO" group:"diagnosis"`
	// Version is what the server says of itself; no setting.
	Version string `kong:"-"`
	// Register adds services of a program that holds the server; no setting.
	Register func(grpc.ServiceRegistrar) `kong:"-"`

	LogFormat string `help:"text or json." enum:"text,json" default:"text" env:"BEDSIDE_LOG_FORMAT" group:"diagnosis"`
}

// AutoGraph stands for the usual place of the knowledge graph.
const AutoGraph = "auto"

// Error names a setting that cannot be used.
type Error struct {
	Setting string // the flag's name
	Reason  string
}

func (e *Error) Error() string { return fmt.Sprintf("--%s: %s", e.Setting, e.Reason) }

// Validate reports the first setting that cannot be used. Bounds of the batching
// settings that depend on one another are the scheduler's to check.
func (c *Config) Validate() error {
	for _, p := range []struct {
		setting string
		value   int64
		low     int64
		high    int64
	}{
		{"threads", int64(c.Threads), 0, 1024},
		{"slots", int64(c.Slots), 1, 4096},
		{"draft-tokens", int64(c.DraftTokens), 0, 1 << 16},
		{"prefix-cache-tokens", int64(c.PrefixCacheTokens), 0, 1 << 26},
		{"slot-capacity", int64(c.SlotCapacity), 2, 1 << 20},
		{"token-budget", int64(c.TokenBudget), int64(c.Slots), 1 << 16},
		{"max-chunk", int64(c.MaxChunk), 2, int64(c.TokenBudget)},
		{"max-queue-size", int64(c.MaxQueueSize), 1, 1 << 20},
		{"embedding-queue-size", int64(c.EmbeddingQueueSize), 1, 1 << 16},
		{"max-message-bytes", int64(c.MaxMessageBytes), 1 << 16, 1 << 30},
		{"max-record-bytes", c.MaxRecordBytes, 1 << 10, 1 << 30},
		{"memory-limit", c.MemoryLimit, 0, 1 << 50},
		{"cache-memory", c.CacheMemory, 0, 1 << 50},
		{"max-concurrent-streams", int64(c.MaxConcurrentStreams), 1, 1 << 20},
		{"max-connections", int64(c.MaxConnections), 1, 1 << 20},
	} {
		if p.value < p.low || p.value > p.high {
			return &Error{p.setting, fmt.Sprintf("%d is outside %d to %d", p.value, p.low, p.high)}
		}
	}
	if err := c.validateTimes(); err != nil {
		return err
	}
	if err := c.validateTenants(); err != nil {
		return err
	}
	if err := c.Security.validate(); err != nil {
		return err
	}
	if err := c.tracing(); err != nil {
		return err
	}
	return c.reach()
}

// validateTimes judges the settings that are lengths of time.
func (c *Config) validateTimes() error {
	for _, p := range []struct {
		setting string
		value   time.Duration
	}{
		{"aging-interval", c.AgingInterval},
		{"request-timeout", c.RequestTimeout},
		{"keepalive-min-time", c.KeepaliveMinTime},
		{"shutdown-grace", c.ShutdownGrace},
		{"repository-poll", c.RepositoryPoll},
		{"max-connection-age-grace", c.MaxConnectionGrace},
		{"send-timeout", c.SendTimeout},
	} {
		if p.value <= 0 {
			return &Error{p.setting, "must be longer than nothing"}
		}
	}
	for _, p := range []struct {
		setting string
		value   time.Duration
	}{
		{"step-timeout", c.StepTimeout}, {"max-connection-age", c.MaxConnectionAge}, {"max-connection-idle", c.MaxConnectionIdle},
	} {
		if p.value < 0 {
			return &Error{p.setting, "must not be negative"}
		}
	}
	return nil
}

// tracing holds that spans do not cross a network for others to read: they tell who is treated when.
func (c *Config) tracing() error {
	switch {
	case c.OTLPEndpoint == "":
	case !IsURL(c.OTLPEndpoint):
		return &Error{"otlp-endpoint", "expected a URL, such as https://collector.example:4317"}
	case strings.HasPrefix(c.OTLPEndpoint, "http://") && !localURL(c.OTLPEndpoint):
		return &Error{"otlp-endpoint", "must be https, but for a collector on this machine"}
	case !(c.TraceRatio >= 0 && c.TraceRatio <= 1):
		return &Error{"trace-ratio", "is outside 0 to 1"}
	}
	return nil
}
