package terms_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

var both = []terms.Lang{terms.English, terms.Chinese}

// han matches a Chinese character.
var han = regexp.MustCompile(`\p{Han}`)

func TestEveryTermHasBothLanguages(t *testing.T) {
	for _, e := range terms.Entries() {
		require.NotRegexp(t, han, e.Name(terms.English), "%s: the English name is Chinese", e.Key)
		require.Regexp(t, han, e.Name(terms.Chinese), "%s: the Chinese name is not Chinese", e.Key)
		for _, l := range both {
			for i, n := range e.Names[l] {
				require.Equal(t, strings.TrimSpace(n), n, e.Key)
				require.NotEmpty(t, n, e.Key)
				require.NotContains(t, e.Names[l][:i], n, "%s: a name stands twice", e.Key)
			}
			if short := e.Abbr[l]; short != "" {
				require.Contains(t, e.Names[l], short, "%s: the abbreviation is not one of its names", e.Key)
			}
		}
	}
}

func TestKeysAreUnique(t *testing.T) {
	keys := map[string]bool{}
	for _, e := range terms.Entries() {
		require.False(t, keys[e.Key], "%s stands twice", e.Key)
		keys[e.Key] = true
	}
}

// TestNamesAreOfOneThing holds the names that a text uses: what one measure, drug or diagnosis
// is called first must lead back to it. The other names may be shared (two lists of
// words hold "active").
func TestNamesAreOfOneThing(t *testing.T) {
	for _, e := range terms.Entries() {
		for _, l := range both {
			names := e.Names[l][:1]
			if e.Abbr[l] != "" {
				names = append(slices.Clone(names), e.Abbr[l])
			}
			for _, n := range names {
				require.Same(t, e, terms.ByName(e.Kind, n), "%s: %q is also another's name", e.Key, n)
			}
		}
	}
}

func TestSize(t *testing.T) {
	kinds := map[string]int{}
	for _, e := range terms.Entries() {
		kinds[e.Kind]++
	}
	for kind, atLeast := range map[string]int{
		"measure": 400, "diagnosis": 150, "drug": 180, "allergen": 15, "procedure": 20, "vaccine": 5, "route": 8,
	} {
		require.GreaterOrEqual(t, kinds[kind], atLeast, kind)
	}
	require.GreaterOrEqual(t, len(terms.Units()), 120)
}

func TestGroups(t *testing.T) {
	for _, e := range terms.Entries() {
		if e.Kind == "measure" {
			require.Contains(t, []string{"vital", "score", "gas", "lab", "wave"}, e.Group, e.Key)
		} else {
			require.Empty(t, e.Group, e.Key)
		}
	}
}

var codeForms = map[byte]*regexp.Regexp{
	'L': regexp.MustCompile(`^[0-9]{1,6}-[0-9]$`),
	'M': regexp.MustCompile(`^[0-9]{5,8}$`),
	'R': regexp.MustCompile(`^[0-9]+$`),
	'I': regexp.MustCompile(`^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$`),
	'X': regexp.MustCompile(`^[0-9]{2,3}$`),
	'V': regexp.MustCompile(`^[A-Za-z<>-]+$`),
}

func TestCodesAreWellFormed(t *testing.T) {
	for _, e := range terms.Entries() {
		for _, c := range e.Codes {
			form := codeForms[c[0]]
			require.NotNil(t, form, "%s: code %s", e.Key, c)
			require.Regexp(t, form, c[1:], e.Key)
			if c[0] == 'L' {
				require.True(t, checkDigit(c[1:]), "%s: %s fails LOINC's check digit", e.Key, c[1:])
			}
			require.Same(t, e, terms.ByCode(e.Kind, c))
		}
	}
}

// checkDigit is LOINC's (LOINC Users' Guide, appendix C): the Luhn digit of what stands before the hyphen.
func checkDigit(code string) bool {
	digits, check, _ := strings.Cut(code, "-")
	sum := 0
	for i := range len(digits) {
		n := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return len(check) == 1 && (10-sum%10)%10 == int(check[0]-'0')
}

// dimensionless units are known to the table alone: UCUM annotations that count things.
func TestUnitsAreKnown(t *testing.T) {
	codes := map[string]bool{}
	spelled := map[string]string{}
	for _, u := range terms.Units() {
		require.False(t, codes[u.Code], "unit %s stands twice", u.Code)
		codes[u.Code] = true
		want, err := unit.Parse(u.Code)
		require.NoError(t, err, u.Code)
		for _, n := range append([]string{u.Display[terms.English], u.Display[terms.Chinese]}, u.Aliases...) {
			if n == "" {
				continue
			}
			if have, ok := spelled[n]; ok {
				require.Equal(t, have, u.Code, "%q is written for two units", n)
			}
			spelled[n] = u.Code
			// A spelling that the reader of units knows as well must mean the same to it.
			if got, err := unit.Text(n); err == nil && !contextual[n] {
				require.Truef(t, got.Dim == want.Dim, "%q is %s in the table, and another thing to the reader of units", n, u.Code)
			}
		}
	}
	for _, e := range terms.Entries() {
		if e.Unit != "" {
			require.True(t, codes[e.Unit], "%s: unit %s is not in the table of units", e.Key, e.Unit)
		}
	}
}

// contextual spellings mean one thing in a sentence and another alone.
var contextual = map[string]bool{"C": true, "次": true, "分": true}

func TestRangesAreSane(t *testing.T) {
	n := 0
	for _, e := range terms.Entries() {
		for _, b := range []*terms.Bounds{e.Male, e.Female} {
			if b == nil {
				continue
			}
			n++
			require.NotEmpty(t, e.RangeBy, "%s: a range without its source", e.Key)
			require.NotEmpty(t, e.Unit, "%s: a range without its unit", e.Key)
			require.True(t, b.Low != nil || b.High != nil, e.Key)
			if b.Low != nil && b.High != nil {
				require.Less(t, *b.Low, *b.High, e.Key)
			}
		}
		require.Equal(t, e.Male == nil, e.Female == nil, "%s: a range for one sex alone", e.Key)
		require.Equal(t, e.Male == nil, e.RangeBy == "", "%s: a source without a range", e.Key)
	}
	require.Positive(t, n)
}

func TestFind(t *testing.T) {
	loinc := func(code string) record.Concept {
		return record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: code}}}
	}
	for _, c := range []struct {
		kind    string
		concept record.Concept
		want    string
		exact   bool
	}{
		{"measure", loinc("76531-3"), "peak inspiratory pressure", true},
		{"measure", loinc("3150-0"), "fraction of inspired oxygen", true},
		{"measure", record.Concept{Codings: []record.Coding{{System: record.SystemIEEE11073, Code: "157784"}}}, "infusion rate", true},
		{"measure", record.Concept{Text: "平台压"}, "plateau pressure", true},
		{"measure", record.Concept{Text: "rass"}, "Richmond agitation-sedation scale", true},
		{"drug", record.Concept{Text: "Remifentanil"}, "remifentanil", true},
		{"diagnosis", record.Concept{Codings: []record.Coding{{System: record.SystemICD10CM, Code: "A41.02"}}}, "other sepsis", false},
	} {
		e, exact := terms.Find(c.kind, c.concept)
		require.NotNil(t, e, c.want)
		require.Equal(t, c.want, e.Name(terms.English))
		require.Equal(t, c.exact, exact, c.want)
	}
	e, _ := terms.Find("measure", loinc("1-8"))
	require.Nil(t, e)
}
