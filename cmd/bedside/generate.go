package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/cmd/bedside/internal/records"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

type generateCmd struct {
	connection

	Prompt string `arg:"" optional:"" help:"The prompt; \"-\" reads standard input."`
	File   string `help:"Read the prompt from a file." short:"f" type:"path" placeholder:"FILE"`
	Model  string `help:"Model to use instead of the server's default." short:"m" placeholder:"NAME"`
	Chat   bool   `help:"Put the prompt through the model's chat template, as a user's message. The default where the model has a template." xor:"form"`
	Raw    bool   `help:"Continue the prompt as it stands." xor:"form"`
	System string `help:"Instructions that come before the prompt in a chat." placeholder:"TEXT"`

	sampling
	form
}

type form struct {
	Choice     []string `help:"The text is this, or another --choice." sep:"none" placeholder:"TEXT" group:"form" xor:"text-form"`
	Regex      string   `help:"The text matches this regular expression as a whole." placeholder:"PATTERN" group:"form" xor:"text-form"`
	JSONSchema string   `help:"The text is JSON that fulfils the schema in this file; '-' reads standard input." placeholder:"FILE" group:"form" xor:"text-form"`
}

// constraint is what the text must be like; nil where it is free.
func (f *form) constraint(a *app) (*bedsidev1.Constraint, error) {
	switch {
	case len(f.Choice) > 0:
		return bedside.Choices(f.Choice...), nil
	case f.Regex != "":
		return bedside.Regex(f.Regex), nil
	case f.JSONSchema != "":
		schema, err := a.readText(f.JSONSchema, maxSchemaBytes)
		return bedside.JSONSchema(schema), err
	}
	return nil, nil //nolint:nilnil // no form is a form
}

type sampling struct {
	MaxTokens         *int32   `help:"Most tokens to write." short:"n" placeholder:"256" group:"sampling"`
	Temperature       float32  `help:"0 takes the likeliest token each time; 1 draws from the model's own distribution." default:"0" group:"sampling"`
	TopK              int32    `help:"Draw among the k likeliest tokens; 0 means all." default:"0" group:"sampling"`
	TopP              *float32 `help:"Draw among the likeliest tokens whose probabilities add up to this." placeholder:"1" group:"sampling"`
	MinP              float32  `help:"Leave out tokens less likely than this times the likeliest." default:"0" group:"sampling"`
	Seed              *uint64  `help:"The same seed gives the same text." group:"sampling"`
	Stop              []string `help:"End before this text; may be repeated." sep:"none" placeholder:"TEXT" group:"sampling"`
	RepetitionPenalty *float32 `help:"Above 1 makes tokens that stand in the text less likely." placeholder:"1" group:"sampling"`
	Logprobs          int32    `help:"Show this many likeliest alternatives of each token." default:"0" group:"sampling"`
}

// Help is what --help adds.
func (*generateCmd) Help() string {
	return `Examples:

  bedside generate "What is sinus tachycardia?"
  bedside generate --raw --max-tokens 20 "The patient was admitted with"
  bedside generate --temperature 0.8 --seed 7 --file prompt.txt
  bedside generate --choice yes --choice no "Is a heart rate of 131 normal?"
  bedside generate --json-schema reading.schema.json "HR 131 /min at 08:00"
  cat prompt.txt | bedside generate --addr 127.0.0.1:8001 --output json -`
}

// Validate is kong's hook.
func (g *generateCmd) Validate() error {
	switch {
	case g.Prompt == "" && g.File == "":
		return errors.New(`a prompt is needed: as an argument, with --file, or "-" for standard input`)
	case g.Prompt != "" && g.File != "":
		return errors.New("a prompt and --file exclude each other")
	case g.Raw && g.System != "":
		return errors.New("--system is part of a chat, which --raw is not")
	case g.Prompt == "-" && g.JSONSchema == "-":
		return errors.New("the prompt and the schema cannot both come from standard input")
	}
	return g.connection.Validate()
}

// Run streams a text to standard output.
func (g *generateCmd) Run(a *app) error {
	prompt, err := g.readPrompt(a)
	if err != nil {
		return err
	}
	constraint, err := g.constraint(a)
	if err != nil {
		return err
	}
	return g.withClient(a, func(client *bedside.Client) error {
		progress := a.progress("waiting for the first token", g.Quiet)
		defer progress.stop()
		req := g.request(a, client, prompt)
		req.Constraint = constraint
		return g.stream(a, client, req, progress)
	})
}

func (g *generateCmd) readPrompt(a *app) (string, error) {
	switch {
	case g.File != "":
		return a.readText(g.File, maxPromptBytes)
	case g.Prompt == "-":
		return a.readText("-", maxPromptBytes)
	}
	if at := records.NotUTF8([]byte(g.Prompt)); at >= 0 {
		return "", fmt.Errorf("prompt: byte %d is not UTF-8 text", at)
	}
	return g.Prompt, nil
}

func (g *generateCmd) request(a *app, client *bedside.Client, prompt string) *bedsidev1.GenerateRequest {
	req := bedside.Prompt(prompt)
	if chat := g.messages(prompt); !g.Raw && (g.Chat || g.System != "" || g.hasTemplate(a, client)) {
		req = bedside.Chat(chat...)
	}
	req.Model = g.Model
	req.Sampling = &bedsidev1.Sampling{
		MaxTokens:         g.MaxTokens,
		Temperature:       g.Temperature,
		TopK:              g.TopK,
		TopP:              g.TopP,
		MinP:              g.MinP,
		Seed:              g.Seed,
		Stop:              g.Stop,
		RepetitionPenalty: g.RepetitionPenalty,
		Logprobs:          g.Logprobs,
	}
	return req
}

func (g *generateCmd) messages(prompt string) []*bedsidev1.ChatMessage {
	user := &bedsidev1.ChatMessage{Role: "user", Content: prompt}
	if g.System == "" {
		return []*bedsidev1.ChatMessage{user}
	}
	return []*bedsidev1.ChatMessage{{Role: "system", Content: g.System}, user}
}

// hasTemplate asks the server to put a message through the model's chat template: nothing
// else tells whether there is one. Where the call fails for another reason, the
// generation that follows will say so.
func (g *generateCmd) hasTemplate(a *app, client *bedside.Client) bool {
	_, err := client.Tokenize(a.ctx, &bedsidev1.TokenizeRequest{
		Model: g.Model,
		Input: &bedsidev1.TokenizeRequest_Chat{Chat: bedside.Ask("x").GetChat()},
	})
	return err == nil
}

func (g *generateCmd) stream(a *app, client *bedside.Client, req *bedsidev1.GenerateRequest, progress *progress) error {
	text := &textStream{w: a.out, filter: a.outIsTTY}
	for piece, err := range client.Stream(a.ctx, req) {
		progress.stop()
		if err != nil {
			return errors.Join(g.failed(err), text.end())
		}
		if g.Output == "json" {
			err = writeJSONLine(a.out, piece)
		} else {
			err = text.add(piece)
		}
		if err != nil {
			return err
		}
	}
	if g.Output == "json" {
		return nil
	}
	if text.cut {
		fmt.Fprintln(a.err, "bedside: the text was cut off before it had its form; a larger --max-tokens may help")
	}
	return text.end()
}

// textStream writes pieces of a text as they come, and log probabilities after it.
type textStream struct {
	w        io.Writer
	filter   bool // keep what could steer a terminal out
	last     string
	cut      bool // before it had the form that was asked for
	logprobs []*bedsidev1.TokenLogprobs
}

func (t *textStream) add(piece *bedsidev1.StreamGenerateResponse) error {
	t.logprobs = append(t.logprobs, piece.GetLogprobs()...)
	t.cut = piece.ConstraintMet != nil && !piece.GetConstraintMet()
	text := piece.GetText()
	if t.filter {
		text = printable(text)
	}
	if text == "" {
		return nil
	}
	t.last = text
	_, err := io.WriteString(t.w, text)
	return err
}

func (t *textStream) end() error {
	if t.last != "" && !strings.HasSuffix(t.last, "\n") {
		if _, err := io.WriteString(t.w, "\n"); err != nil {
			return err
		}
	}
	for _, token := range t.logprobs {
		var line strings.Builder
		fmt.Fprintf(&line, "%-16q %8.3f ", token.GetToken().GetPiece(), token.GetToken().GetLogprob())
		for _, other := range token.GetTop() {
			fmt.Fprintf(&line, "  %q %.3f", other.GetPiece(), other.GetLogprob())
		}
		if _, err := fmt.Fprintln(t.w, line.String()); err != nil {
			return err
		}
	}
	return nil
}
