package dynamic

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

var t0 = time.Unix(1000, 0)

func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

// step is one call of a scheduler at a time in milliseconds, followed by Plan. The calls:
//
//	a:2 key=value ...   admit a with 2 rows; several names make one request of several parts
//	done a              complete the batch that a is in
//	cancel a, drain, stop, wait
//
// want is what the plan says: "[a b]" a batch, "a" an answer, "timeout:a" an end, "!a" an abandoned batch that a was in,
// "@5" the next event at 5 ms; or "error: kind" for what Admit says.
type step struct {
	at   float64
	call string
	want string
}

type script struct {
	t       *testing.T
	s       *Scheduler
	entries map[string]*Entry
	batches map[string]*Batch
	first   map[*Batch]string // the name of each batch's first entry
}

func play(t *testing.T, cfg Config, steps []step) {
	t.Helper()
	s, err := NewScheduler(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := &script{t: t, s: s, entries: map[string]*Entry{}, batches: map[string]*Batch{}, first: map[*Batch]string{}}
	for i, st := range steps {
		if got := p.call(st); got != st.want {
			t.Fatalf("step %d, at %v ms, %q:\n got %s\nwant %s", i, st.at, st.call, got, st.want)
		}
	}
}

func (p *script) call(st step) string {
	now := t0.Add(ms(st.at))
	verb, rest, _ := strings.Cut(st.call, " ")
	switch verb {
	case "wait":
	case "done":
		p.s.Complete(now, p.batches[rest])
	case "cancel":
		if !p.s.Cancel(now, p.entries[rest]) {
			return "not there"
		}
	case "drain":
		p.s.Drain()
	case "stop":
		p.s.Stop()
	default:
		if err := p.s.Admit(now, p.parse(st.call)...); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				p.t.Fatalf("an error of type %T: %v", err, err)
			}
			return strings.TrimSpace("error: " + e.Kind.String() + " " + e.Field)
		}
	}
	return p.render(p.s.Plan(now))
}

func (p *script) parse(call string) []*Entry {
	var entries []*Entry
	for _, word := range strings.Fields(call) {
		if name, size, ok := strings.Cut(word, ":"); ok {
			e := &Entry{Owner: name}
			e.Size = p.number(size)
			p.entries[name] = e
			entries = append(entries, e)
			continue
		}
		key, value, _ := strings.Cut(word, "=")
		for _, e := range entries {
			switch key {
			case "prio":
				e.Priority = p.number(value)
			case "timeout":
				e.Timeout = ms(float64(p.number(value)))
			case "deadline":
				e.Deadline = t0.Add(ms(float64(p.number(value))))
			case "group":
				e.Group = value
			case "tokens":
				e.Tokens = p.number(value)
			case "tenant":
				e.Tenant = value
			default:
				p.t.Fatalf("unknown word %q", word)
			}
		}
	}
	return entries
}

func (p *script) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *script) render(plan Plan) string {
	var words []string
	for _, b := range plan.Batches {
		var names []string
		for _, e := range b.Entries {
			name := fmt.Sprint(e.Owner)
			names = append(names, name)
			p.batches[name] = b
		}
		p.first[b] = names[0]
		words = append(words, "["+strings.Join(names, " ")+"]")
	}
	for _, e := range plan.Answered {
		words = append(words, fmt.Sprint(e.Owner))
	}
	for _, e := range plan.Ended {
		words = append(words, e.Kind.String()+":"+fmt.Sprint(e.Entry.Owner))
	}
	for _, b := range plan.Abandoned {
		words = append(words, "!"+p.first[b])
	}
	if at, ok := p.s.NextEvent(); ok {
		words = append(words, "@"+strconv.FormatFloat(at.Sub(t0).Seconds()*1000, 'f', -1, 64))
	}
	return strings.Join(words, " ")
}
