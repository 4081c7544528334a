package wav_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// encode16 makes a WAV file of 16 bits and one channel.
func encode16(rate int, samples []float64) []byte {
	var body []byte
	for _, v := range samples {
		body = binary.LittleEndian.AppendUint16(body, uint16(int16(math.Round(math.Max(-1, math.Min(1, v))*32767))))
	}
	return riff(chunk("fmt ", format(1, 1, rate, 16)), chunk("data", body))
}

func chunk(id string, body []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	out = append(out, body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

func riff(chunks ...[]byte) []byte {
	var body []byte
	for _, c := range chunks {
		body = append(body, c...)
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(body))), append([]byte("WAVE"), body...)...)
}

func format(code, channels, rate, bits int) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(code))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	return binary.LittleEndian.AppendUint16(b, uint16(bits))
}

// synth makes sounds that are known, from a seed.
type synth struct {
	rng  *rand.Rand
	rate int
	out  []float64
}

func newSynth(seed uint64, rate int, seconds float64) *synth {
	return &synth{rng: rand.New(rand.NewPCG(seed, 9)), rate: rate, out: make([]float64, int(seconds*float64(rate)))}
}

// each adds a sound of a time in seconds.
func (s *synth) each(f func(t float64) float64) *synth {
	for i := range s.out {
		s.out[i] += f(float64(i) / float64(s.rate))
	}
	return s
}

func (s *synth) noise(size float64) *synth {
	return s.each(func(float64) float64 { return size * s.rng.NormFloat64() })
}

// bump is half a sine from 0 to 1 over a length.
func bump(t, length float64) float64 {
	if t < 0 || t > length {
		return 0
	}
	return math.Sin(math.Pi * t / length)
}

// breaths adds rushes of air: in, a short rest, out and softer, a longer rest. Each breath's length
// varies by jitter.
func (s *synth) breaths(perMinute, jitter, size float64) *synth {
	begin, length := 0.0, 0.0
	next := func() float64 { return 60 / perMinute * (1 + jitter*(2*s.rng.Float64()-1)) }
	length = next()
	return s.each(func(t float64) float64 {
		for t > begin+length {
			begin += length
			length = next()
		}
		p := (t - begin) / length
		loud := bump(p, 0.35) + 0.55*bump(p-0.4, 0.4)
		return size * loud * s.rng.NormFloat64()
	})
}

// hearts adds two dull thuds a beat, as a stethoscope on the chest hears them.
func (s *synth) hearts(perMinute, size float64) *synth {
	begin, length := 0.0, 60/perMinute
	return s.each(func(t float64) float64 {
		for t > begin+length {
			begin += length
			length = 60 / perMinute * (1 + 0.04*(2*s.rng.Float64()-1))
		}
		d := t - begin
		first := math.Exp(-d/0.03) * math.Sin(2*math.Pi*60*d)
		second := 0.0
		if d > 0.3 {
			second = 0.6 * math.Exp(-(d-0.3)/0.02) * math.Sin(2*math.Pi*90*(d-0.3))
		}
		return size * (first + second)
	})
}

// speech adds phrases of syllables, with pauses, all of random lengths.
func (s *synth) speech(size float64) *synth {
	talking, until := false, 0.0
	begin, length, loud, pitch := 0.0, 0.2, 1.0, 120.0
	return s.each(func(t float64) float64 {
		if t > until {
			talking = !talking
			if until = t + 0.2 + 1.2*s.rng.Float64(); talking {
				until = t + 0.6 + 3*s.rng.Float64()
			}
		}
		if t > begin+length {
			begin, length = t, 0.12+0.2*s.rng.Float64()
			loud, pitch = 0.3+0.7*s.rng.Float64(), 100+60*s.rng.Float64()
		}
		if !talking {
			return 0
		}
		voice := 0.0
		for k := 1; k <= 12; k++ {
			voice += math.Sin(2*math.Pi*pitch*float64(k)*t) / float64(k)
		}
		return size * loud * bump(t-begin, length) * (voice + 0.3*s.rng.NormFloat64())
	})
}
