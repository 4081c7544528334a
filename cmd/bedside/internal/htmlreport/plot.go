package htmlreport

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

// Plots are drawn by own code, by the page's template: libraries for plots write their own colours and fonts into the
// SVG, where neither a dark page nor a printer can change them, and know no link from a point to a row.

// Sizes of a plot in pixels; the template has them too.
const (
	plotWidth, plotHeight                    = 340.0, 132.0
	plotLeft, plotRight, plotTop, plotBottom = 42.0, 12.0, 10.0, 20.0
	mostPlots                                = 24
	mostPoints                               = 400 // of one plot; more are thinned evenly
)

// plot is a measure over time. All numbers are coordinates.
type plot struct {
	Name, Unit, Last, LastFlag, Label string
	Lines                             []string // of path elements
	Points                            []point
	// Band is the reference range, where it has an end within the plot.
	Band              bool
	BandTop, BandSize float64
	Low, High         axis
	From, To          string
}

type point struct {
	X, Y   float64
	Shape  string // of a path element, around the point
	Class  string
	Title  string
	Anchor string
}

type axis struct {
	Text string
	Y    float64
}

// plotsOf draws the measures that have several readings with a time and a number, and counts those that there is no
// room for.
func plotsOf(measures []render.Measure, anchor func(string) string) (out []plot, more int) {
	for i := range measures {
		p, ok := plotOf(&measures[i], anchor)
		switch {
		case !ok:
		case len(out) == mostPlots:
			more++
		default:
			out = append(out, p)
		}
	}
	return out, more
}

func plotOf(m *render.Measure, anchor func(string) string) (plot, bool) {
	readings := slices.DeleteFunc(slices.Clone(m.Readings), func(r render.Reading) bool { return r.Number == nil || r.At.IsZero() })
	if len(readings) < 2 || !readings[0].At.Time.Before(readings[len(readings)-1].At.Time) {
		return plot{}, false
	}
	readings = thinned(readings)
	first, last := readings[0], readings[len(readings)-1]
	s := scaleOf(readings)
	p := plot{
		Name: m.Name, Unit: m.Unit, Last: last.Text, LastFlag: abnormal(last.Flag),
		Low: axis{short(s.low), s.y(s.low)}, High: axis{short(s.high), s.y(s.high)},
	}
	p.From, p.To = span(first.At.Time, last.At.Time)
	p.Label = fmt.Sprintf("%s: %s – %s, %s – %s", m.Name, first.Text, last.Text, first.Time, last.Time)
	p.band(s, last.Low, last.High)
	for second := range 2 {
		var line strings.Builder
		move := 'M'
		for _, r := range readings {
			v, flag := r.Number, r.Flag
			if second == 1 {
				v, flag = r.Second, r.SecondFlag
			}
			if v == nil {
				continue
			}
			x, y := s.x(r.At.Time), s.y(*v)
			pt := point{X: x, Y: y, Title: r.Time + ": " + r.Text, Anchor: anchor(r.Reference)}
			pt.Shape, pt.Class = shape(x, y, flag, inDoubt(r.Marks))
			p.Points = append(p.Points, pt)
			if !inDoubt(r.Marks) { // the line leaves out what is in doubt
				fmt.Fprintf(&line, "%c%.1f %.1f", move, x, y)
				move = 'L'
			}
		}
		if line.Len() > 0 {
			p.Lines = append(p.Lines, line.String())
		}
	}
	return p, true
}

func thinned(rs []render.Reading) []render.Reading {
	if len(rs) <= mostPoints {
		return rs
	}
	out := make([]render.Reading, mostPoints)
	for i := range out {
		out[i] = rs[i*(len(rs)-1)/(mostPoints-1)]
	}
	return out
}

func inDoubt(marks []record.Mark) bool {
	return slices.ContainsFunc(marks, func(m record.Mark) bool {
		return m == record.MarkArtefact || m == record.MarkImplausible || m == record.MarkUnitSuspect || m == record.MarkImputed
	})
}

// abnormal is a flag that something is beyond its range, or "".
func abnormal(flag string) string {
	if flag == render.FlagNormal {
		return ""
	}
	return flag
}

// shape tells what is normal, high, low and in doubt apart by its form, for whoever cannot by its colour.
func shape(x, y float64, flag string, doubt bool) (path, class string) {
	switch {
	case doubt:
		return fmt.Sprintf("M%.1f %.1fl6 6m0 -6l-6 6", x-3, y-3), "doubt"
	case flag == render.FlagHigh:
		return fmt.Sprintf("M%.1f %.1fl4.5 7.5h-9z", x, y-5), "bad"
	case flag == render.FlagLow:
		return fmt.Sprintf("M%.1f %.1fl-4.5 -7.5h9z", x, y+5), "bad"
	case flag == render.FlagAbnormal:
		return fmt.Sprintf("M%.1f %.1fl4 4l-4 4l-4 -4z", x, y-4), "bad"
	}
	return fmt.Sprintf("M%.1f %.1fa2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0", x-2.5, y), "good"
}

// scale turns times and values into coordinates.
type scale struct {
	from        time.Time
	over        time.Duration
	low, high   float64 // the numbers at the axis
	bottom, top float64 // the ends of the axis
}

func scaleOf(rs []render.Reading) scale {
	s := scale{from: rs[0].At.Time, low: math.Inf(1), high: math.Inf(-1)}
	s.over = rs[len(rs)-1].At.Time.Sub(s.from)
	for _, r := range rs {
		for _, v := range []*float64{r.Number, r.Second} {
			if v != nil {
				s.low, s.high = min(s.low, *v), max(s.high, *v)
			}
		}
	}
	// An end of the range is shown where it is near what was measured.
	last, room := rs[len(rs)-1], max(s.high-s.low, math.Abs(s.high)/10)
	for _, end := range []*float64{last.Low, last.High} {
		if end != nil && *end > s.low-room && *end < s.high+room {
			s.low, s.high = min(s.low, *end), max(s.high, *end)
		}
	}
	if s.high == s.low {
		s.low, s.high = s.low-1, s.high+1
	}
	pad := (s.high - s.low) / 12 // what lies beyond is seen to go on
	s.bottom, s.top = s.low-pad, s.high+pad
	return s
}

func (s scale) x(t time.Time) float64 {
	return plotLeft + float64(t.Sub(s.from))/float64(s.over)*(plotWidth-plotLeft-plotRight)
}

func (s scale) y(v float64) float64 {
	return plotHeight - plotBottom - (v-s.bottom)/(s.top-s.bottom)*(plotHeight-plotTop-plotBottom)
}

func (p *plot) band(s scale, low, high *float64) {
	from, to := s.bottom, s.top
	if low != nil {
		from = min(max(from, *low), s.top)
	}
	if high != nil {
		to = max(min(to, *high), s.bottom)
	}
	if (low == nil && high == nil) || from >= to {
		return
	}
	p.Band, p.BandTop, p.BandSize = true, s.y(to), s.y(from)-s.y(to)
}

// short writes a number as an axis shows it.
func short(v float64) string { return fmt.Sprintf("%.4g", v) }

// span writes the ends of a plot's time, as fine as its length needs.
func span(from, to time.Time) (a, b string) {
	layout := "01-02 15:04"
	switch {
	case to.Sub(from) > 365*24*time.Hour:
		layout = "2006-01-02"
	case to.Sub(from) > 10*24*time.Hour:
		layout = "01-02"
	}
	return from.Format(layout), to.Format(layout)
}
