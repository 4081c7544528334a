"""Writes this folder's files with the Python package pyedflib 0.1.42, and expected.json with what it reads from them.

python -m venv venv && venv/bin/pip install pyedflib==0.1.42 && venv/bin/python make.py

All signals are made up here, and so is the patient, who is named for a test to see that no name is read.
"""
import datetime
import json
import os

import numpy as np
import pyedflib

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(11)
signals = [("ECG II", "mV", 100, 2.5), ("Resp chest", "", 25, 1.0), ("ABP", "mmHg", 50, 200.0), ("EEG Fpz-Cz", "uV", 50, 250.0)]


def write(name, kind, digital, annotations=()):
    f = pyedflib.EdfWriter(name, len(signals), file_type=kind)
    f.setStartdatetime(datetime.datetime(2029, 11, 5, 23, 59, 58))
    f.setPatientName("Wilhelmina Madeup")
    f.setPatientCode("PATCODE77")
    f.setAdmincode("ADMIN99")
    f.setTechnician("Techperson")
    f.setEquipment("Machine_serial_12345")
    for i, (label, unit, rate, size) in enumerate(signals):
        f.setSignalHeader(i, {"label": label, "dimension": unit, "sample_frequency": rate, "physical_min": -size, "physical_max": size,
                              "digital_min": -digital - 1, "digital_max": digital, "transducer": "", "prefilter": ""})
    data = []
    for label, unit, rate, size in signals:
        t = np.arange(3 * rate) / rate
        data.append(size * (0.7 * np.sin(2 * np.pi * t) + 0.05 * rng.standard_normal(t.size)))
    f.writeSamples(data)
    for onset, duration, text in annotations:
        f.writeAnnotation(onset, duration, text)
    f.close()


def remember(name, out):
    f = pyedflib.EdfReader(name)
    onsets, durations, texts = f.readAnnotations()
    out[name] = {
        "labels": f.getSignalLabels(), "rates": [float(f.getSampleFrequency(i)) for i in range(f.signals_in_file)],
        "signals": [[round(float(v), 6) for v in f.readSignal(i)[::7]] for i in range(f.signals_in_file)],  # each seventh sample
        "annotations": [[float(a), max(float(b), 0), c] for a, b, c in zip(onsets, durations, texts)],
    }
    f.close()


marks = [(0.5, -1, "Lights off"), (1.25, 0.5, "Apnoea"), (2.0, -1, "呼吸暂停")]
expected = {}
write("plain.edf", pyedflib.FILETYPE_EDF, 32767)
write("plus.edf", pyedflib.FILETYPE_EDFPLUS, 32767, marks)
write("plus.bdf", pyedflib.FILETYPE_BDFPLUS, 8388607, marks)
for name in ("plain.edf", "plus.edf", "plus.bdf"):
    remember(name, expected)
json.dump(expected, open("expected.json", "w"), separators=(",", ":"), ensure_ascii=False)

# The package writes no discontinuous files: the third record of one is moved by 1.6 seconds, by hand.
b = open("plus.edf", "rb").read()
at = b.index(b"+2\x14\x14\x00")
assert b.count(b"EDF+C") == 1 and b.endswith(b"\x00\x00\x00")
b = b[:at].replace(b"EDF+C", b"EDF+D") + b"+3.6\x14\x14\x00" + b[at + 5:-2]
open("gap.edf", "wb").write(b)
