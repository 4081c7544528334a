package server

import (
	"cmp"
	"context"
	"os"
	"path/filepath"

	"github.com/bedside-lm/bedside/clinical/diagnosis"
	"github.com/bedside-lm/bedside/clinical/note"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/config"
)

// function is something clinical that a language model does.
type function string

const (
	summaries  function = "summaries"
	diagnoses  function = "diagnoses"
	treatments function = "treatments"
	noted      function = "notes"
)

// remedies say how a function gets its model.
var remedies = map[function]string{
	summaries:  "start the server with --model or --summary-model, or name one in the request",
	diagnoses:  "start the server with --diagnosis-model, or with a folder of --shipped-models in which a model has a diagnosis.json, or name one in the request",
	treatments: "start the server with --treatment-model, or name one in the request",
}

// Values of settings that are no names.
const (
	autoModel = "auto"
	noModels  = "none"
)

// shippedModels is the folder of the models that come with Bedside; "" for none.
func shippedModels(cfg config.Config) string {
	switch cfg.ShippedModels {
	case noModels:
		return ""
	case "":
		return repository.ShippedModelsDir()
	}
	return cfg.ShippedModels
}

// defaultsOf says which model does what, where a request does not.
func defaultsOf(cfg config.Config, shipped string) map[function]string {
	out := map[function]string{
		summaries: cmp.Or(cfg.SummaryModel, cfg.Model), diagnoses: cfg.DiagnosisModel, treatments: cfg.TreatmentModel,
		noted: cfg.NoteModel,
	}
	if out[diagnoses] == autoModel {
		out[diagnoses] = firstWith(shipped, diagnosis.FitName)
	}
	if out[noted] == autoModel {
		out[noted] = firstWith(shipped, note.SettingsName)
	}
	if out[treatments] == autoModel {
		out[treatments] = out[diagnoses]
	}
	return out
}

// firstWith is the first model of a folder, by name, that has a file which says what it can do; "" where none has.
func firstWith(root, file string) string {
	if root == "" {
		return ""
	}
	entries, err := os.ReadDir(root) // sorted; the manager says what is wrong with the folder
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(root, e.Name(), file)); err == nil {
			return e.Name()
		}
	}
	return ""
}

// modelFor finds the language model that a request means for a function, as languageModel does.
func (r *registry) modelFor(ctx context.Context, f function, name string) (*languageModel, func(), error) {
	name = cmp.Or(name, r.defaults[f])
	if name == "" {
		return nil, nil, &apierror.NoModelError{Function: string(f), Remedy: remedies[f]}
	}
	return r.languageModel(ctx, name)
}

// isDefault tells whether a model answers where a request names none.
func (r *registry) isDefault(name string) bool {
	if name == r.defaultLanguage || name == r.defaultEmbedding {
		return true
	}
	for _, of := range r.defaults {
		if of == name {
			return true
		}
	}
	return false
}
