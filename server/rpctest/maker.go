// Package rpctest makes requests out of the protocol's descriptors, for tests that ask everything that can be asked: ones
// that keep the rules of every field, ones that break them, and bytes that are no message at all.
package rpctest

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"unicode/utf8"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Maker makes messages. The same source of random numbers makes the same messages.
type Maker struct {
	Rand *rand.Rand
	// Mark stands in every text that is made up, so that a test finds it wherever it comes out.
	Mark string
	// Seeds are texts worth sending, by the full name of a field ("bedside.v1.RecordSource.fhir_json") or by its own name
	// ("model"). Fields without any get the mark among other characters.
	Seeds map[string][]string
	// Wild is how likely a field is to get a value that pays no heed to its rules.
	Wild float64
}

// deepest is how many messages stand in one another before optional ones are left out.
const deepest = 6

// Fill sets fields of a new message.
func (m *Maker) Fill(msg proto.Message) { m.fill(msg.ProtoReflect(), 0) }

func (m *Maker) fill(msg protoreflect.Message, depth int) {
	d := msg.Descriptor()
	chosen := map[protoreflect.FieldDescriptor]bool{}
	for i := range d.Oneofs().Len() {
		one := d.Oneofs().Get(i)
		if !one.IsSynthetic() && (m.Rand.Float64() > 0.05) {
			chosen[one.Fields().Get(m.Rand.IntN(one.Fields().Len()))] = true
		}
	}
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		rules := rulesOf(f)
		inOneof := f.ContainingOneof() != nil && !f.ContainingOneof().IsSynthetic()
		switch {
		case inOneof && !chosen[f]:
			continue
		case f.Message() != nil && depth >= deepest:
			continue
		case !inOneof && !needed(rules) && m.Rand.Float64() > m.density(depth):
			continue
		case m.Rand.Float64() < m.Wild/4:
			continue // left out, needed or not
		}
		m.set(msg, f, rules, depth)
	}
}

// density is how likely a field that may be left out is set: less so within, or records become very large.
func (m *Maker) density(depth int) float64 { return 0.6 / float64(1+depth/2) }

func needed(r *validate.FieldRules) bool {
	return r.GetRequired() || r.GetString().GetMinLen() > 0 || r.GetRepeated().GetMinItems() > 0 || r.GetBytes().GetMinLen() > 0 || len(r.GetString().GetIn()) > 0
}

func rulesOf(f protoreflect.FieldDescriptor) *validate.FieldRules {
	rules, err := protovalidate.ResolveFieldRules(f)
	if err != nil || rules == nil {
		return &validate.FieldRules{}
	}
	return rules
}

func (m *Maker) set(msg protoreflect.Message, f protoreflect.FieldDescriptor, rules *validate.FieldRules, depth int) {
	switch {
	case f.IsMap():
		into := msg.Mutable(f).Map()
		for range 1 + m.Rand.IntN(2) {
			key := m.scalar(f.MapKey(), &validate.FieldRules{}).MapKey()
			if f.MapValue().Message() != nil {
				m.fill(into.Mutable(key).Message(), depth+1)
			} else {
				into.Set(key, m.scalar(f.MapValue(), &validate.FieldRules{}))
			}
		}
	case f.IsList():
		into := msg.Mutable(f).List()
		items := rules.GetRepeated().GetItems()
		if items == nil {
			items = &validate.FieldRules{}
		}
		for range m.length(rules.GetRepeated()) {
			if f.Message() != nil {
				m.fill(into.AppendMutable().Message(), depth+1)
			} else {
				into.Append(m.scalar(f, items))
			}
		}
	case f.Message() != nil:
		m.fill(msg.Mutable(f).Message(), depth+1)
	default:
		msg.Set(f, m.scalar(f, rules))
	}
}

func (m *Maker) length(r *validate.RepeatedRules) int {
	if m.Rand.Float64() < m.Wild/20 && r.GetMaxItems() > 0 && r.GetMaxItems() < 2000 {
		return int(r.GetMaxItems()) + 1
	}
	return max(int(r.GetMinItems()), m.Rand.IntN(4))
}

func (m *Maker) scalar(f protoreflect.FieldDescriptor, rules *validate.FieldRules) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(m.Rand.IntN(2) == 0)
	case protoreflect.EnumKind:
		values := f.Enum().Values()
		if m.Rand.Float64() < m.Wild {
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(m.Rand.Int32()))
		}
		return protoreflect.ValueOfEnum(values.Get(m.Rand.IntN(values.Len())).Number())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(m.text(f, rules.GetString()))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(m.bytes(f)))
	default:
		return m.number(f, rules)
	}
}

func (m *Maker) seeds(f protoreflect.FieldDescriptor) []string {
	if s := m.Seeds[string(f.FullName())]; s != nil {
		return s
	}
	return m.Seeds[string(f.Name())]
}

func (m *Maker) pick(from []string) string { return from[m.Rand.IntN(len(from))] }

func (m *Maker) bytes(f protoreflect.FieldDescriptor) string {
	if seeds := m.seeds(f); len(seeds) > 0 && m.Rand.Float64() < 0.9 {
		return m.maybeMutated(m.pick(seeds))
	}
	return m.invented(40)
}

// plain are texts that patterns of this protocol take.
var plain = []string{"a1", "p", "12.5", "-3e2", "0", "x_y", "A41.9"}

func (m *Maker) text(f protoreflect.FieldDescriptor, r *validate.StringRules) string {
	wild := m.Rand.Float64() < m.Wild
	seeds := m.seeds(f)
	switch {
	case len(seeds) > 0 && m.Rand.Float64() < 0.9:
		return strings.ToValidUTF8(m.maybeMutated(m.pick(seeds)), "?")
	case !wild && len(r.GetIn()) > 0:
		return m.pick(r.GetIn())
	case !wild && r.GetPattern() != "":
		if re, err := regexp.Compile(r.GetPattern()); err == nil {
			for range 20 {
				if s := m.pick(plain); re.MatchString(s) {
					return s
				}
			}
		}
	case wild && r.GetMaxLen() > 0 && r.GetMaxLen() < 5000 && m.Rand.IntN(4) == 0:
		return strings.Repeat("长", int(r.GetMaxLen())) + m.Mark
	}
	longest := 200
	if n := int(r.GetMaxLen()); n > 0 && !wild {
		longest = n
	}
	return m.invented(longest)
}

// invented is the mark among characters that readers may stumble over.
func (m *Maker) invented(longest int) string {
	odd := []rune("ab 1.0-/\\|^~&<>{}[]\"'\n\t\x00\u202e患者é\U0001f3e5%$#;:=?")
	var b strings.Builder
	for range m.Rand.IntN(6) {
		b.WriteRune(odd[m.Rand.IntN(len(odd))])
	}
	b.WriteString(m.Mark)
	for range m.Rand.IntN(6) {
		b.WriteRune(odd[m.Rand.IntN(len(odd))])
	}
	s := b.String()
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest])
	}
	return s
}

// number gives one within its rules, one at their edge, or any.
func (m *Maker) number(f protoreflect.FieldDescriptor, rules *validate.FieldRules) protoreflect.Value {
	low, high := bounds(f, rules)
	v := low + m.Rand.Float64()*math.Min(high-low, 64)
	edge := m.Rand.IntN(8)
	switch {
	case m.Rand.Float64() < m.Wild:
		v = []float64{-1, 0, 1, math.MaxInt32, math.MinInt32, 1e300, math.NaN(), math.Inf(1), 0.5}[m.Rand.IntN(9)]
	case edge == 0:
		v = low
	case edge == 1:
		v = high
	}
	whole := func() int64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return m.Rand.Int64()
		}
		return int64(math.Max(math.Min(v, math.MaxInt64/2), math.MinInt64/2))
	}
	switch f.Kind() {
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(v))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(v)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(whole()))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(whole()))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(whole()))
	default:
		return protoreflect.ValueOfInt64(whole())
	}
}

// bounds are the least and the most that the rules of a number allow, or a few around nothing.
func bounds(f protoreflect.FieldDescriptor, rules *validate.FieldRules) (low, high float64) {
	low, high = 0, 64
	r := rules.ProtoReflect()
	r.Range(func(kind protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if kind.Message() == nil || string(kind.Name()) != f.Kind().String() {
			return true
		}
		v.Message().Range(func(rule protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			n, ok := asFloat(v)
			switch {
			case !ok:
			case rule.Name() == "gte":
				low = n
			case rule.Name() == "gt":
				low = n + 0.001
			case rule.Name() == "lte", rule.Name() == "lt":
				high = n
			}
			return true
		})
		return true
	})
	return low, math.Max(low, high)
}

func asFloat(v protoreflect.Value) (float64, bool) {
	switch n := v.Interface().(type) {
	case int32:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint32:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float32:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func (m *Maker) maybeMutated(s string) string {
	if m.Rand.Float64() > m.Wild*2 {
		return s
	}
	return string(m.Mutate([]byte(s)))
}

// Mutate changes some bytes: it turns over, takes out, doubles or puts in, or cuts off the end.
func (m *Maker) Mutate(data []byte) []byte {
	out := append([]byte(nil), data...)
	for range 1 + m.Rand.IntN(4) {
		if len(out) == 0 {
			return []byte(m.Mark)
		}
		at := m.Rand.IntN(len(out))
		end := min(len(out), at+1+m.Rand.IntN(16))
		switch m.Rand.IntN(5) {
		case 0:
			out[at] ^= 1 << m.Rand.IntN(8)
		case 1:
			out = append(out[:at], out[end:]...)
		case 2:
			out = append(out[:end:end], out[at:]...)
		case 3:
			out = append(out[:at:at], append([]byte(m.Mark), out[at:]...)...)
		case 4:
			out = out[:at]
		}
	}
	return out
}
