package tokenizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// Limits of one chat.
const (
	maxMessages  = 1 << 10
	maxChatBytes = 4 << 20
)

// Message is one turn of a chat.
type Message struct {
	Role    string // one of Roles
	Content string
}

// Roles are the roles a message may have. Others are refused: a template may build special tokens from them.
var Roles = []string{"system", "user", "assistant", "tool", "developer"}

// ChatTemplate renders messages as the text a model was trained on. It is safe for concurrent use.
type ChatTemplate struct {
	template *exec.Template
	source   string
	config   config
}

// LoadChatTemplate compiles a model folder's Jinja chat template: chat_template.jinja, or else the chat_template of
// tokenizer_config.json. The template reads no files and knows no time of day; macros and recursive loops are unsupported.
func LoadChatTemplate(dir string) (*ChatTemplate, error) {
	c, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	source, path, err := loadTemplate(dir, c)
	if err != nil {
		return nil, err
	}
	template, err := compile(source)
	if err != nil {
		reason := err
		if inner := errors.Unwrap(err); inner != nil {
			reason = inner // the outer one quotes the whole template
		}
		return nil, &Error{Kind: KindUnsupported, Path: path, Reason: fmt.Sprintf("%.300s", reason.Error()), cause: err}
	}
	return &ChatTemplate{template: template, source: source, config: c}, nil
}

// Render returns the text of messages. addGenerationPrompt opens the assistant's next turn at the end.
// Special tokens that stand in a message's content come out like those of the template: to encode a chat use EncodeChat.
// Messages that cannot be rendered give an *Error of KindMessages.
func (c *ChatTemplate) Render(messages []Message, addGenerationPrompt bool) (string, error) {
	if err := checkMessages(messages); err != nil {
		return "", err
	}
	turns := make(list, len(messages))
	for i, message := range messages {
		turns[i] = map[string]any{"role": message.Role, "content": ValidText(message.Content)}
	}
	variables := map[string]any{"messages": turns, "add_generation_prompt": addGenerationPrompt}
	for name, text := range map[string]tokenName{
		"bos_token": c.config.BOS, "eos_token": c.config.EOS, "pad_token": c.config.PAD, "unk_token": c.config.UNK,
	} {
		if text != "" {
			variables[name] = string(text)
		}
	}
	text, err := execute(c.template, variables)
	if err != nil {
		return "", renderError(err)
	}
	return text, nil
}

// renderError hides the library's text, which may quote messages, behind a fixed one.
func renderError(err error) error {
	reason := "the model's chat template cannot render them"
	switch {
	case errors.Is(err, errRefused):
		reason = "the model's chat template refuses them (the order of roles, perhaps)"
	case errors.Is(err, errTooLong):
		reason = fmt.Sprintf("the chat template writes more than %d bytes", maxRendered)
	case errors.Is(err, errTooSlow):
		reason = fmt.Sprintf("the chat template takes longer than %v", maxRenderTime)
	}
	return &Error{Kind: KindMessages, Path: "messages", Reason: reason, cause: err}
}

func checkMessages(messages []Message) error {
	refuse := func(path, format string, args ...any) error {
		return &Error{Kind: KindMessages, Path: path, Reason: fmt.Sprintf(format, args...)}
	}
	if len(messages) == 0 || len(messages) > maxMessages {
		return refuse("messages", "%d messages; 1 to %d are allowed", len(messages), maxMessages)
	}
	total := 0
	for i, message := range messages {
		if !slices.Contains(Roles, message.Role) {
			return refuse(fmt.Sprintf("messages[%d].role", i), "is not one of %s", strings.Join(Roles, ", "))
		}
		if total += len(message.Content); total > maxChatBytes {
			return refuse(fmt.Sprintf("messages[%d].content", i), "the contents together exceed %d bytes", maxChatBytes)
		}
	}
	return nil
}

// EncodeChat renders messages and returns their ids. Special tokens come from the template alone: whatever a
// message's content holds, alone or together with the text around it, is encoded as ordinary text. Else the ids are
// those of the rendered text with its special tokens parsed.
//
// It works by putting a noncharacter into the contents wherever a special token could begin or end, parsing
// special tokens in the rendered text, and taking the noncharacter out of the ordinary text in between. A template that
// asks whether a content holds a special token's text (or an added one like <think>) therefore never finds it.
func (t *Tokenizer) EncodeChat(c *ChatTemplate, messages []Message, addGenerationPrompt bool) ([]int32, error) {
	mark, err := freeMark(c.source, messages)
	if err != nil {
		return nil, err
	}
	marked := make([]Message, len(messages))
	for i, message := range messages {
		marked[i] = Message{Role: message.Role, Content: t.added.defuse(ValidText(message.Content), mark)}
	}
	text, err := c.Render(marked, addGenerationPrompt)
	if err != nil {
		return nil, err
	}
	return t.encodeParsing(text, make([]int32, 0, len(text)/3+1), mark), nil
}

// freeMark returns one of Unicode's noncharacters U+FDD0 to U+FDEF that neither the template nor a message holds.
func freeMark(source string, messages []Message) (string, error) {
	for r := rune(0xFDD0); r <= 0xFDEF; r++ {
		mark := string(r)
		used := strings.Contains(source, mark) || slices.ContainsFunc(messages, func(m Message) bool {
			return strings.Contains(m.Content, mark)
		})
		if !used {
			return mark, nil
		}
	}
	return "", &Error{Kind: KindMessages, Path: "messages", Reason: "the contents hold all 32 noncharacters U+FDD0 to U+FDEF"}
}

// defuse puts mark into content: after every character that an added token begins with, so that none can begin here, and
// before the content when a token that began before it could go on in it. Spaces at its ends stay outside, for
// templates that trim. Load has seen to it that every added token is longer than one character.
func (a *added) defuse(content, mark string) string {
	body := strings.TrimLeftFunc(content, unicode.IsSpace)
	var out strings.Builder
	out.WriteString(content[:len(content)-len(body)])
	if a.continues(strings.TrimRightFunc(body, unicode.IsSpace)) {
		out.WriteString(mark)
	}
	for body != "" {
		_, n := utf8.DecodeRuneInString(body)
		out.WriteString(body[:n])
		if len(a.byFirst[body[0]]) > 0 {
			out.WriteString(mark)
		}
		body = body[n:]
	}
	return out.String()
}

// continues tells whether a token that began before text could go on in it.
func (a *added) continues(text string) bool {
	for _, list := range a.byFirst {
		for _, token := range list {
			for i := 1; i < len(token.text); i++ {
				end := token.text[i:]
				if text != "" && (strings.HasPrefix(text, end) || strings.HasPrefix(end, text)) {
					return true
				}
			}
		}
	}
	return false
}
