package hl7v2

// dimensions are units of ISO/IEEE 11073-10101 by their reference ids, as UCUM codes.
var dimensions = map[string]string{
	"MDC_DIM_DIMLESS": "1", "MDC_DIM_PERCENT": "%", "MDC_DIM_PARTS_PER_10_TO_MINUS_6": "[ppm]", "MDC_DIM_PPM": "[ppm]",
	"MDC_DIM_BEAT_PER_MIN": "/min", "MDC_DIM_PULS_PER_MIN": "/min", "MDC_DIM_RESP_PER_MIN": "/min", "MDC_DIM_PER_MIN": "/min", "MDC_DIM_PER_HR": "/h",
	"MDC_DIM_HZ": "Hz", "MDC_DIM_X_HZ": "Hz",

	"MDC_DIM_MMHG": "mm[Hg]", "MDC_DIM_KILO_PASCAL": "kPa", "MDC_DIM_HECTO_PASCAL": "hPa", "MDC_DIM_CM_H2O": "cm[H2O]", "MDC_DIM_MILLI_BAR": "mbar",
	"MDC_DIM_DEGC": "Cel", "MDC_DIM_FAHR": "[degF]", "MDC_DIM_KELVIN": "K",

	"MDC_DIM_MILLI_L": "mL", "MDC_DIM_X_L": "L", "MDC_DIM_L": "L", "MDC_DIM_DECI_L": "dL", "MDC_DIM_L_PER_MIN": "L/min", "MDC_DIM_X_L_PER_MIN": "L/min",
	"MDC_DIM_MILLI_L_PER_MIN": "mL/min", "MDC_DIM_MILLI_L_PER_HR": "mL/h", "MDC_DIM_L_PER_SEC": "L/s", "MDC_DIM_MILLI_L_PER_SEC": "mL/s",
	"MDC_DIM_L_PER_MIN_PER_M_SQ": "L/min/m2", "MDC_DIM_MILLI_L_PER_KG": "mL/kg", "MDC_DIM_MILLI_L_PER_CM_H2O": "mL/cm[H2O]", "MDC_DIM_CM_H2O_PER_L_PER_SEC": "cm[H2O]/L/s",

	"MDC_DIM_KILO_G": "kg", "MDC_DIM_X_G": "g", "MDC_DIM_G": "g", "MDC_DIM_MILLI_G": "mg", "MDC_DIM_MICRO_G": "ug", "MDC_DIM_LB": "[lb_av]",
	"MDC_DIM_MILLI_G_PER_HR": "mg/h", "MDC_DIM_MICRO_G_PER_HR": "ug/h", "MDC_DIM_MICRO_G_PER_MIN": "ug/min", "MDC_DIM_MICRO_G_PER_KG_PER_MIN": "ug/kg/min",
	"MDC_DIM_MILLI_G_PER_KG_PER_HR": "mg/kg/h", "MDC_DIM_CENTI_M": "cm", "MDC_DIM_X_M": "m", "MDC_DIM_MILLI_M": "mm", "MDC_DIM_KG_PER_M_SQ": "kg/m2",

	"MDC_DIM_MILLI_G_PER_DL": "mg/dL", "MDC_DIM_G_PER_DL": "g/dL", "MDC_DIM_X_G_PER_DL": "g/dL", "MDC_DIM_MILLI_MOLE_PER_L": "mmol/L",
	"MDC_DIM_MICRO_MOLE_PER_L": "umol/L", "MDC_DIM_MILLI_EQUIV_PER_L": "meq/L", "MDC_DIM_INTL_UNIT_PER_HR": "[IU]/h", "MDC_DIM_INTL_UNIT": "[IU]",

	"MDC_DIM_SEC": "s", "MDC_DIM_X_SEC": "s", "MDC_DIM_MILLI_SEC": "ms", "MDC_DIM_MIN": "min", "MDC_DIM_HR": "h", "MDC_DIM_DAY": "d",
	"MDC_DIM_MILLI_VOLT": "mV", "MDC_DIM_MICRO_VOLT": "uV", "MDC_DIM_MILLI_M_PER_MILLI_VOLT": "mm/mV", "MDC_DIM_X_OHM": "Ohm", "MDC_DIM_X_JOULES": "J",
	"MDC_DIM_X_WATT": "W", "MDC_DIM_ANG_DEG": "deg",
}
