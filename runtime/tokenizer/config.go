package tokenizer

import (
	"encoding/json"
)

// config is tokenizer_config.json as far as it is used.
type config struct {
	BOS          tokenName       `json:"bos_token"`
	EOS          tokenName       `json:"eos_token"`
	PAD          tokenName       `json:"pad_token"`
	UNK          tokenName       `json:"unk_token"`
	ChatTemplate json.RawMessage `json:"chat_template"`
}

// tokenName is "text", {"content": "text", ...} or null.
type tokenName string

func (n *tokenName) UnmarshalJSON(data []byte) error {
	var object struct {
		Content string `json:"content"`
	}
	if len(data) > 0 && data[0] == '{' {
		err := json.Unmarshal(data, &object)
		*n = tokenName(object.Content)
		return err
	}
	return json.Unmarshal(data, (*string)(n))
}

// loadConfig reads tokenizer_config.json; without one everything is empty.
func loadConfig(dir string) (config, error) {
	var c config
	data, err := readFile(dir, configFile, maxFileBytes)
	if isMissing(err) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, &Error{Kind: KindInvalid, Path: configFile, Reason: err.Error(), cause: err}
	}
	return c, nil
}

// loadTemplate returns the chat template's source: chat_template.jinja, else the field in tokenizer_config.json, and
// which of them it is.
func loadTemplate(dir string, c config) (source, path string, err error) {
	data, err := readFile(dir, templateFile, maxTemplateBytes)
	if err == nil {
		return string(data), templateFile, nil
	}
	if !isMissing(err) {
		return "", "", err
	}
	path = configFile + ": chat_template"
	if len(c.ChatTemplate) == 0 || string(c.ChatTemplate) == "null" {
		missing := &Error{Kind: KindMissing, Path: templateFile, Reason: "is not there, and tokenizer_config.json has no chat_template", cause: err}
		return "", "", missing
	}
	if err := json.Unmarshal(c.ChatTemplate, &source); err != nil {
		return "", "", unsupported(path, "is not one string")
	}
	if len(source) > maxTemplateBytes {
		return "", "", invalid(path, "is larger than %d bytes", maxTemplateBytes)
	}
	return source, path, nil
}
