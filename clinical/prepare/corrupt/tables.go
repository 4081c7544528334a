package corrupt

// vital is how a vital sign is disturbed, in its usual unit.
type vital struct {
	jitter    float64 // by how much two devices differ at most
	low, high float64 // magnitudes of disturbances
	down      bool    // disturbances only ever lower it
	min, max  float64 // what a device can show
}

// vitals are the measures that devices file in series. Magnitudes run from what is barely more
// than the patient's own restlessness to what a loose electrode, a flushed line, a probe that
// slipped off or a patient who coughs makes of a number.
var vitals = map[string]vital{
	"8867-4":  {jitter: 2, low: 12, high: 110, min: 0, max: 350},               // heart rate: missed or double-counted beats, motion
	"2708-6":  {jitter: 1, low: 5, high: 45, down: true, min: 1, max: 100},     // oxygen saturation: motion, cuff on the same arm
	"9279-1":  {jitter: 1.5, low: 8, high: 45, min: 0, max: 120},               // respiratory rate: cardiac oscillation, talking
	"85354-9": {jitter: 3, low: 22, high: 130, min: 0, max: 320},               // arterial pressure: flush, damping, zeroing
	"8480-6":  {jitter: 3, low: 22, high: 130, min: 0, max: 320},               // systolic pressure
	"8462-4":  {jitter: 2, low: 15, high: 80, min: 0, max: 250},                // diastolic pressure
	"8478-0":  {jitter: 2.5, low: 18, high: 100, min: 0, max: 280},             // mean pressure
	"8310-5":  {jitter: 0.1, low: 1.2, high: 10, down: true, min: 15, max: 45}, // temperature: probe in the open
	"19891-1": {jitter: 1, low: 8, high: 35, down: true, min: 0, max: 120},     // end-tidal carbon dioxide: leak, sampling line
}

// conversion takes a number in one unit to another: v*factor + shift.
type conversion struct {
	from, to      string // UCUM codes
	shown         string // of to
	factor, shift float64
}

// conversions are the units that laboratories and devices of other countries use, by LOINC
// code. Factors: molar masses by IUPAC 2021, 1 mmHg = 0.133322 kPa, 1 lb = 0.45359237 kg.
var conversions = map[string][]conversion{
	"2345-7":  {{"mg/dL", "mmol/L", "mmol/L", 1 / 18.016, 0}},                               // glucose
	"2160-0":  {{"mg/dL", "umol/L", "µmol/L", 88.40, 0}},                                    // creatinine
	"3094-0":  {{"mg/dL", "mmol/L", "mmol/L", 1 / 2.801, 0}},                                // blood urea nitrogen
	"1975-2":  {{"mg/dL", "umol/L", "µmol/L", 17.104, 0}},                                   // bilirubin
	"17861-6": {{"mg/dL", "mmol/L", "mmol/L", 1 / 4.008, 0}},                                // calcium
	"19123-9": {{"mg/dL", "mmol/L", "mmol/L", 1 / 2.4305, 0}},                               // magnesium
	"2524-7":  {{"mmol/L", "mg/dL", "mg/dL", 9.008, 0}},                                     // lactate
	"718-7":   {{"g/dL", "g/L", "g/L", 10, 0}, {"g/dL", "mmol/L", "mmol/L", 1 / 1.6114, 0}}, // haemoglobin
	"4544-3":  {{"%", "1", "", 0.01, 0}},                                                    // haematocrit
	"1751-7":  {{"g/dL", "g/L", "g/L", 10, 0}},                                              // albumin
	"2885-2":  {{"g/dL", "g/L", "g/L", 10, 0}},                                              // protein
	"1988-5":  {{"mg/L", "mg/dL", "mg/dL", 0.1, 0}},                                         // C-reactive protein
	"6690-2":  {{"10*3/uL", "/uL", "/µL", 1000, 0}, {"/uL", "10*3/uL", "10³/µL", 0.001, 0}}, // leukocytes
	"777-3":   {{"10*3/uL", "/uL", "/µL", 1000, 0}},                                         // platelets
	"3255-7":  {{"mg/dL", "g/L", "g/L", 0.01, 0}},                                           // fibrinogen
	"10839-9": {{"ng/mL", "ng/L", "ng/L", 1000, 0}},                                         // troponin I
	"2019-8":  {{"mm[Hg]", "kPa", "kPa", 0.133322, 0}},                                      // carbon dioxide in blood
	"2703-7":  {{"mm[Hg]", "kPa", "kPa", 0.133322, 0}},                                      // oxygen in blood
	"19891-1": {{"mm[Hg]", "kPa", "kPa", 0.133322, 0}},                                      // end-tidal carbon dioxide
	"85354-9": {{"mm[Hg]", "kPa", "kPa", 0.133322, 0}},                                      // blood pressure
	"8478-0":  {{"mm[Hg]", "kPa", "kPa", 0.133322, 0}},                                      // mean pressure
	"8310-5":  {{"Cel", "[degF]", "°F", 1.8, 32}},                                           // temperature
	"2708-6":  {{"%", "1", "", 0.01, 0}},                                                    // oxygen saturation
	"29463-7": {{"kg", "[lb_av]", "lb", 1 / 0.45359237, 0}},                                 // weight
	"8302-2":  {{"cm", "m", "m", 0.01, 0}, {"cm", "[in_i]", "in", 1 / 2.54, 0}},             // height
}
