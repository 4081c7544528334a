"""Writes this folder's records with the Python package wfdb 4.3.1, and expected.json with what it reads from them.

python -m venv venv && venv/bin/pip install wfdb==4.3.1 && venv/bin/python make.py

All signals are made up here. Times of annotations are in samples, signals in physical units, null where not valid.
"""
import datetime
import json
import os

import numpy as np
import wfdb

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(7)


def wave(n, rate, hz, size, offset=0.0):
    t = np.arange(n) / rate
    return offset + size * np.sin(2 * np.pi * hz * t) + size / 20 * rng.standard_normal(n)


def clean(values):
    return [None if np.isnan(v) else round(float(v), 6) for v in values]


expected = {}


def remember(name, **how):
    r = wfdb.rdrecord(name, **how)
    signals = r.e_p_signal if how else [r.p_signal[:, i] for i in range(r.n_sig)]
    per_frame = r.samps_per_frame or [1] * r.n_sig
    expected[name] = {
        "labels": r.sig_name, "units": r.units, "rates": [r.fs * k for k in per_frame], "signals": [clean(s) for s in signals],
    }


# Two leads in format 212, an odd number of samples in all, some of them not valid.
ecg = np.stack([wave(151, 360, 5, 0.8), wave(151, 360, 5, -0.5, 0.1)], axis=1)[:, :1]
ecg[40:45, 0] = np.nan
wfdb.wrsamp("lead212", fs=360, units=["mV"], sig_name=["MLII"], p_signal=ecg, fmt=["212"], adc_gain=[200], baseline=[0],
            comments=["made up"])
remember("lead212")

# Signals of different rates, in two files and formats, with a skew and a date.
e = [np.round(wave(4 * 40, 500, 7, 900)).astype(int), np.round(wave(2 * 40, 250, 2, 400)).astype(int),
     np.round(wave(40, 125, 2, 300, 400)).astype(int)]
wfdb.Record(
    record_name="icu", n_sig=3, fs=125, sig_len=40, base_time=datetime.time(22, 5, 7, 250000), base_date=datetime.date(2031, 3, 14),
    file_name=["icu_a.dat", "icu_a.dat", "icu_b.dat"], fmt=["16", "16", "212"], samps_per_frame=[4, 2, 1], skew=[None, None, 3],
    byte_offset=[None, None, None], adc_gain=[1000.0, 819.0, 10.5], baseline=[-50, 12, -200], units=["mV", "NU", "mmHg"],
    adc_res=[16, 16, 12], adc_zero=[0, 0, 0], init_value=[int(x[0]) for x in e], checksum=[int(np.sum(x)) % 65536 for x in e],
    block_size=[0, 0, 0], sig_name=["II", "PLETH", "ABP"], e_d_signal=e,
).wrsamp(expanded=True)
remember("icu", smooth_frames=False)

# One signal a format, of bytes drawn at random, in lengths that fill the last group of samples and that do not.
width = {"8": 1, "16": 2, "24": 3, "32": 4, "61": 2, "80": 1, "160": 2, "212": 1.5, "310": 4 / 3, "311": 4 / 3}
for f, w in width.items():
    for n in (12, 13, 14) if w in (1.5, 4 / 3) else (12,):
        name = f"f{f}_{n}"
        b = bytearray(rng.bytes(int(np.ceil(n * w)) + (1 if f == "310" and n % 3 == 2 else 0)))
        if f == "311":  # the package takes one of the two bits that are not used
            b[3::4] = bytes(x & 0x3F for x in b[3::4])
        open(name + ".dat", "wb").write(b)
        open(name + ".hea", "w").write(f"{name} 1 100 {n}\n{name}.dat {f} 4(3)/mV 12 0 7 0 0 ECG\n")
        remember(name)

# Two segments in fixed layout; then in variable layout, with a gap between them (which the package cannot read in fixed layout).
for i, labels in ((1, ["II", "RESP"]), (2, ["RESP", "II"])):
    d = np.stack([np.round(wave(25, 125, 4, 500)), np.round(wave(25, 125, 1, 300))], axis=1).astype(int)
    wfdb.wrsamp(f"part{i}", fs=125, units=["mV", "mV"], sig_name=["II", "RESP"], d_signal=d, fmt=["16", "16"], adc_gain=[200, 200], baseline=[0, 0])
    wfdb.wrsamp(f"vary{i}", fs=125, units=["mV", "mV"], sig_name=labels, d_signal=d, fmt=["16", "16"], adc_gain=[200, 200], baseline=[0, 0])
open("fixed.hea", "w").write("fixed/2 2 125 50\npart1 25\npart2 25\n")
open("vary.hea", "w").write("vary/4 2 125 60\nvary_layout 0\nvary1 25\n~ 10\nvary2 25\n")
open("vary_layout.hea", "w").write("vary_layout 2 125 0\n~ 0 200/mV 16 0 0 0 0 II\n~ 0 200/mV 16 0 0 0 0 RESP\n")
remember("fixed")
remember("vary")

# Annotations: a long interval, rhythms, channels, subtypes, numbers, and a code of its own.
sample = np.array([5, 77, 370, 371, 5000, 90000, 90100, 90200])
symbol = ["+", "N", "V", "~", "+", "N", '"', "Z"]
aux = ["(N", "", "", "", "(AFIB", "", "a note of odd length!", ""]
wfdb.wrann("lead212", "atr", sample, symbol=symbol, aux_note=aux, chan=np.array([0, 0, 0, 0, 0, 0, 0, 0]), subtype=np.array([0, 0, 1, 2, 0, 0, 0, 0]),
           num=np.array([0, 0, 0, 3, 3, 0, 0, 0]), custom_labels=[(42, "Z", "made up here")], fs=360)
a = wfdb.rdann("lead212", "atr")
expected["annotations"] = {"samples": [int(s) for s in a.sample], "codes": a.symbol, "texts": [t.rstrip("\x00") for t in a.aux_note]}

json.dump(expected, open("expected.json", "w"), separators=(",", ":"))
