package sampling

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// naive finds the end of a whole text: the stop string that is complete first, the longest among those.
func naive(text string, stops []string) (string, bool) {
	end := len(text) + 1
	for _, stop := range stops {
		if at := strings.Index(text, stop); at >= 0 {
			end = min(end, at+len(stop))
		}
	}
	if end > len(text) {
		return text, false
	}
	start := end
	for _, stop := range stops {
		if strings.HasSuffix(text[:end], stop) {
			start = min(start, end-len(stop))
		}
	}
	return text[:start], true
}

func TestStopMatcher(t *testing.T) {
	cases := []struct {
		stops   []string
		pieces  []string
		shown   []string // what each Push, then Flush returns
		stopped bool
	}{
		{nil, []string{"a", "b"}, []string{"a", "b", ""}, false},
		{[]string{"\n\n"}, []string{"one\n", "two", "\n", "\nthree"}, []string{"one", "\ntwo", "", "", ""}, true},
		{[]string{"STOP"}, []string{"S", "T", "X"}, []string{"", "", "STX", ""}, false},
		{[]string{"STOP"}, []string{"aSTO"}, []string{"a", "STO"}, false},
		{[]string{"STOP"}, []string{"aSTOPb", "more"}, []string{"a", "", ""}, true},
		{[]string{"aab"}, []string{"aa", "ab"}, []string{"", "a", ""}, true},
		{[]string{"b", "abc"}, []string{"ab", "c"}, []string{"a", "", ""}, true},
		{[]string{"c", "abc"}, []string{"xab", "c"}, []string{"x", "", ""}, true},
		{[]string{"。"}, []string{"平稳", "。再"}, []string{"平稳", "", ""}, true},
	}
	for _, c := range cases {
		m, stopped := NewStopMatcher(c.stops), false
		var shown []string
		for _, piece := range c.pieces {
			var out string
			out, stopped = m.Push(piece)
			shown = append(shown, out)
		}
		shown = append(shown, m.Flush())
		if strings.Join(shown, "|") != strings.Join(c.shown, "|") || stopped != c.stopped {
			t.Errorf("%q, %q: got %q, %t; want %q, %t", c.stops, c.pieces, shown, stopped, c.shown, c.stopped)
		}
	}
}

func FuzzStopMatcher(f *testing.F) {
	f.Add("one\n\ntwo STOP", "\n\n", "STOP", uint64(0x5a5a))
	f.Add("aaaaaab", "aab", "ab", uint64(1))
	f.Add("abcabd", "b", "abc", uint64(0xffff))
	f.Add("平稳。再", "。", "稳。", uint64(7))
	f.Fuzz(func(t *testing.T, text, first, second string, cuts uint64) {
		text = strings.ToValidUTF8(text, "?")
		var stops []string
		for _, stop := range []string{first, second} {
			if stop != "" && utf8.ValidString(stop) && len(stop) <= MaxStopBytes {
				stops = append(stops, stop)
			}
		}
		want, wantStopped := naive(text, stops)
		m, shown, stopped := NewStopMatcher(stops), "", false
		piece := ""
		push := func() {
			out, now := m.Push(piece)
			if !utf8.ValidString(out) || !strings.HasPrefix(want, shown+out) || stopped && (!now || out != "") {
				t.Fatalf("%q, stops %q: showed %q after %q, want %q", text, stops, out, shown, want)
			}
			shown, stopped, piece = shown+out, now, ""
		}
		for i, r := range []rune(text) {
			piece += string(r)
			if cuts>>(i%64)&1 == 1 {
				push()
			}
		}
		push()
		if shown += m.Flush(); shown != want || stopped != wantStopped {
			t.Fatalf("%q, stops %q: got %q, %t; want %q, %t", text, stops, shown, stopped, want, wantStopped)
		}
	})
}

func BenchmarkStopMatcher(b *testing.B) {
	stops := make([]string, MaxStops)
	for i := range stops {
		stops[i] = strings.Repeat(string(rune('a'+i)), MaxStopBytes)
	}
	m := NewStopMatcher(stops)
	for b.Loop() {
		m.Push("word ")
	}
}
