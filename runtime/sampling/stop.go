package sampling

import "strings"

// StopMatcher looks for stop strings in text that comes in pieces, however it is cut. The string that is complete first
// ends the text; of several complete at the same place, the longest. It is for one goroutine.
type StopMatcher struct {
	stops   []string
	longest int
	held    string
	stopped bool
}

// NewStopMatcher returns a matcher for strings that are not empty (Params.Validate sees to it).
func NewStopMatcher(stops []string) *StopMatcher {
	m := &StopMatcher{stops: stops}
	for _, stop := range stops {
		m.longest = max(m.longest, len(stop))
	}
	return m
}

// Push adds text and returns what can be shown of it and of what was held: all but an end that may become a
// stop string. When a stop string is complete, the text before it is returned and stopped is true, now and at every later call,
// which return no text. Whole characters in give whole characters out.
func (m *StopMatcher) Push(text string) (out string, stopped bool) {
	if m.stopped {
		return "", true
	}
	text = m.held + text
	start, end := -1, len(text)+1
	for _, stop := range m.stops {
		at := strings.Index(text, stop)
		if at < 0 || at+len(stop) > end {
			continue
		}
		if at+len(stop) < end || at < start {
			start, end = at, at+len(stop)
		}
	}
	if start >= 0 {
		m.held, m.stopped = "", true
		return text[:start], true
	}
	cut := m.firstPartial(text)
	m.held = text[cut:]
	return text[:cut], false
}

// Flush returns the text that was held at the end, which became no stop string.
func (m *StopMatcher) Flush() string {
	held := m.held
	m.held = ""
	return held
}

// firstPartial returns where the longest end of text starts that a stop string could begin with.
func (m *StopMatcher) firstPartial(text string) int {
	for i := max(0, len(text)-m.longest+1); i < len(text); i++ {
		for _, stop := range m.stops {
			if strings.HasPrefix(stop, text[i:]) {
				return i
			}
		}
	}
	return len(text)
}
