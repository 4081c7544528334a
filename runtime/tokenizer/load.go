package tokenizer

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	tokenizerFile = "tokenizer.json"
	configFile    = "tokenizer_config.json"
	templateFile  = "chat_template.jinja"

	maxFileBytes     = 64 << 20
	maxTemplateBytes = 256 << 10
	maxVocab         = 1 << 20
	maxMerges        = 1 << 21
	maxAdded         = 1 << 14
	maxTokenBytes    = 1 << 10
)

// Load reads tokenizer.json, and from tokenizer_config.json, where there is one, the tokens that begin and end a sequence.
// Errors are of type *Error; what the file asks for and this package cannot do exactly is KindUnsupported, naming the field.
func Load(dir string) (*Tokenizer, error) {
	data, err := readFile(dir, tokenizerFile, maxFileBytes)
	if err != nil {
		return nil, err
	}
	t, err := parse(data)
	if err != nil {
		return nil, err
	}
	config, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	if t.bos, err = t.named(config.BOS, "bos_token"); err != nil {
		return nil, err
	}
	if t.eos, err = t.named(config.EOS, "eos_token"); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Tokenizer) named(text tokenName, field string) (int32, error) {
	if text == "" {
		return -1, nil
	}
	id, ok := t.SpecialID(string(text))
	if !ok {
		return -1, invalid(configFile+": "+field, "%q is not one of tokenizer.json's added_tokens", string(text))
	}
	return id, nil
}

func readFile(dir, name string, limit int64) ([]byte, error) {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, &Error{Kind: KindMissing, Path: name, Reason: "cannot be opened", cause: err}
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, &Error{Kind: KindMissing, Path: name, Reason: "cannot be read", cause: err}
	}
	if int64(len(data)) > limit {
		return nil, invalid(name, "is larger than %d bytes", limit)
	}
	return data, nil
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
