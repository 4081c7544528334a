package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	control "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	gonja "github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
)

// Limits of one rendering. A template is as trusted as the model it comes with; these catch a faulty one.
const (
	maxRendered   = 16 << 20 // bytes
	maxRange      = 1 << 12  // numbers of one range()
	maxRenderTime = 2 * time.Second
)

var (
	errTooLong = errors.New("the template writes too much")
	errTooSlow = errors.New("the template takes too long")
	errRefused = errors.New("the template raised an exception")
)

const budgetName = "_budget"

// environment holds what chat templates use of Jinja, as transformers offers it: nothing that reads files (include,
// import, extends), nothing that can call itself without end (macro, call, recursive loops), no clock and no chance.
func environment() *exec.Environment {
	filters := make(map[string]exec.FilterFunction)
	for _, name := range strings.Fields(`abs capitalize count d default dictsort first float int items join last length list
		lower map max min reject rejectattr replace reverse safe select selectattr sort string sum title trim unique upper`) {
		filters[name], _ = builtins.Filters.Get(name)
	}
	filters["tojson"] = toJSON
	structures := make(map[string]parser.ControlStructureParser)
	for _, name := range strings.Fields("break continue do filter if raw set with") {
		structures[name], _ = control.All.Get(name)
	}
	structures["for"] = boundedFor
	namespace, _ := builtins.GlobalFunctions.Get("namespace")
	return &exec.Environment{
		Filters:           exec.NewFilterSet(filters),
		Tests:             builtins.Tests,
		ControlStructures: exec.NewControlStructureSet(structures),
		Methods:           builtins.Methods,
		Context: exec.NewContext(map[string]any{
			"namespace": namespace, "range": boundedRange, "raise_exception": raiseException,
			"tools": nil, "documents": nil,
		}),
	}
}

// compile parses a template with the settings transformers uses.
func compile(source string) (template *exec.Template, err error) {
	defer recovered(&err)
	const name = "/" + templateFile
	loader, err := loaders.NewMemoryLoader(map[string]string{name: source})
	if err != nil {
		return nil, err
	}
	settings := gonja.New()
	settings.TrimBlocks, settings.LeftStripBlocks = true, true
	return exec.NewTemplate(name, settings, loader, environment())
}

// execute renders a compiled template within the limits.
func execute(template *exec.Template, variables map[string]any) (text string, err error) {
	defer recovered(&err)
	limit := &budget{deadline: time.Now().Add(maxRenderTime)}
	variables[budgetName] = limit
	if err := template.Execute(limit, exec.NewContext(variables)); err != nil {
		if limit.refused {
			err = errors.Join(errRefused, err)
		}
		return "", err
	}
	return limit.out.String(), nil
}

// recovered turns a panic of the template library (a negative repeat count, say) into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the template library failed: %v", p)
	}
}

// budget is the output of one rendering, and what is left of its time.
type budget struct {
	out      strings.Builder
	deadline time.Time
	refused  bool // raise_exception was called
}

func budgetOf(env *exec.Environment) *budget {
	value, _ := env.Context.Get(budgetName)
	limit, _ := value.(*budget)
	return limit
}

func (b *budget) Write(p []byte) (int, error) {
	if b.out.Len()+len(p) > maxRendered {
		return 0, errTooLong
	}
	if err := b.check(); err != nil {
		return 0, err
	}
	return b.out.Write(p)
}

func (b *budget) check() error {
	if time.Now().After(b.deadline) {
		return errTooSlow
	}
	return nil
}

var _ io.Writer = (*budget)(nil)

// timedFor looks at the time whenever a loop starts: one loop is short, loops within loops need not be.
type timedFor struct{ *control.ForControlStructure }

func (f timedFor) Execute(r *exec.Renderer, tag *nodes.ControlStructureBlock) error {
	if limit := budgetOf(r.Environment); limit != nil {
		if err := limit.check(); err != nil {
			return err
		}
	}
	return f.ForControlStructure.Execute(r, tag)
}

func boundedFor(p *parser.Parser, args *parser.Parser) (nodes.ControlStructure, error) {
	parse, _ := control.All.Get("for")
	structure, err := parse(p, args)
	if err != nil {
		return nil, err
	}
	loop, ok := structure.(*control.ForControlStructure)
	if !ok || loop.Recursive {
		return nil, errors.New("a recursive loop is not supported")
	}
	return timedFor{loop}, nil
}

// boundedRange is range() with a bounded length. The library's own leaves a goroutine behind at every break.
func boundedRange(_ *exec.Evaluator, params *exec.VarArgs) ([]int, error) {
	bounds := make([]int, 0, 3)
	for _, arg := range params.Args {
		if !arg.IsInteger() {
			return nil, errors.New("range takes integers")
		}
		bounds = append(bounds, arg.Integer())
	}
	start, stop, step := 0, 0, 1
	switch len(bounds) {
	case 1:
		stop = bounds[0]
	case 2:
		start, stop = bounds[0], bounds[1]
	case 3:
		start, stop, step = bounds[0], bounds[1], bounds[2]
	}
	if len(bounds) == 0 || len(bounds) > 3 || step == 0 {
		return nil, errors.New("range takes one to three integers, the third not zero")
	}
	numbers := []int{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if len(numbers) == maxRange {
			return nil, fmt.Errorf("range is longer than %d", maxRange)
		}
		numbers = append(numbers, i)
	}
	return numbers, nil
}

// raiseException is how templates report messages they cannot take. The library does not keep errors as they are on
// every path, so the budget remembers it.
func raiseException(e *exec.Evaluator, _ *exec.VarArgs) (string, error) {
	if limit := budgetOf(e.Environment); limit != nil {
		limit.refused = true
	}
	return "", errRefused
}

// list is a list whose last element is also found as [-1] when it is the only one, which the library's own lists miss.
type list []any

// GetItem implements exec.ItemGetter.
func (l list) GetItem(key any) (*exec.Value, bool) {
	i, ok := key.(int)
	if i < 0 {
		i += len(l)
	}
	if !ok || i < 0 || i >= len(l) {
		return exec.AsValue(nil), false
	}
	return exec.AsValue(l[i]), true
}

// toJSON writes as transformers' tojson does: no escapes for HTML, characters beyond ASCII as they are.
func toJSON(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(in.ToGoSimpleType(false)); err != nil {
		return exec.AsValue(fmt.Errorf("tojson: %w", err))
	}
	text := strings.TrimSuffix(out.String(), "\n")
	return exec.AsSafeValue(strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029").Replace(text))
}
