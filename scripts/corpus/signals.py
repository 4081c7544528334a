"""Strips of waveforms with known truth, for judging what is measured in them.

    python -m scripts.corpus.signals FOLDER [--tune]

Writes FOLDER/held-out.jsonl, one line a strip, and FOLDER/held-out.i16 with the samples: little-endian 16-bit numbers,
-32768 for a dropout, times "gain" plus "offset" in "unit". With --tune, also tune.jsonl and tune.i16, whose seeds are
others: settings are chosen on those, figures reported of the held-out ones. Same seeds, same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from . import waves

SPLITS = {"held-out": 9_000_000, "tune": 1_000_000}
# How many strips of each kind; each half clean, half noisy.
COUNTS = {"ecgsyn": 120, "sinus": 120, "af": 160, "arrhythmia": 50, "ectopy": 60, "bigeminy": 40, "block": 40, "pause": 30,
          "flat": 20, "noise": 20, "ppg": 120, "rsp": 120, "co2": 60, "abp": 60}
RATES = (125, 200, 250, 360, 500)


def neurokit():
    """neurokit2, without what its imports warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neurokit2

    return neurokit2


def make(job: tuple[str, str, int]) -> tuple[dict, np.ndarray]:
    """One strip: its header and its samples."""
    split, kind, index = job
    rng = np.random.default_rng([SPLITS[split], sorted(COUNTS).index(kind), index])
    head = {"id": f"{split}-{kind}-{index}", "set": kind, "noisy": index % 2 == 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        maker = {"ppg": ppg, "rsp": breathing, "co2": co2, "abp": abp, "ecgsyn": ecgsyn, "flat": silence, "noise": silence}
        more, x = maker.get(kind, rhythm)(rng, kind, head["noisy"])
    head.update(more)
    gain = float(max(np.nanmax(np.abs(x - np.nanmean(x))), 1e-6) / 32000)
    offset = float(np.nanmean(x))
    ints = np.where(np.isnan(x), -32768, np.round((np.nan_to_num(x, nan=offset) - offset) / gain)).astype("<i2")
    return {**head, "samples": len(ints), "gain": gain, "offset": offset}, ints


def of_beats(beats: list[float]) -> dict:
    """What beats at these seconds amount to."""
    rr = np.diff(beats)
    return {"heart_rate": 60 / float(np.mean(rr)), "sdnn_ms": 1000 * float(np.std(rr, ddof=1)),
            "rmssd_ms": 1000 * float(np.sqrt(np.mean(np.diff(rr) ** 2)))}


def ecgsyn(rng: np.random.Generator, kind: str, noisy: bool) -> tuple[dict, np.ndarray]:
    """Sinus rhythm by neurokit2's dynamical model."""
    rate, bpm, seed = int(rng.choice((125, 250, 500))), float(rng.uniform(35, 180)), int(rng.integers(2**31))
    clean = np.asarray(neurokit().ecg_simulate(duration=30, sampling_rate=rate, heart_rate=bpm, method="ecgsyn", noise=0,
                                               heart_rate_std=float(rng.uniform(0.5, 3)), random_state=seed))
    beats = tops(clean, rate, bpm) / rate
    x, kinds = waves.disturb(rng, clean, rate, noisy)
    return {"kind": "ecg", "unit": "mV", "rate": rate, "noise": kinds, "rhythm": "sinus", "beats": beats.tolist(),
            "types": "N" * len(beats), **of_beats(beats.tolist())}, x


def tops(clean: np.ndarray, rate: int, bpm: float) -> np.ndarray:
    """The highest sample of each cycle of an undisturbed curve whose rate is about bpm."""
    from scipy.signal import find_peaks

    peaks = find_peaks(clean, distance=max(1, int(0.6 * 60 / bpm * rate)))[0]
    return peaks[clean[peaks] > np.median(clean[peaks]) - 0.35 * np.ptp(clean)]


def rhythm(rng: np.random.Generator, kind: str, noisy: bool) -> tuple[dict, np.ndarray]:
    """Every rhythm whose RR intervals are drawn here."""
    seconds, rate, lead = float(rng.choice((30, 45, 60))), int(rng.choice(RATES)), str(rng.choice(list(waves.LEADS)))
    types, wide = None, 1.0
    if kind == "af":
        rr = waves.fibrillation(rng, seconds)
    elif kind == "arrhythmia":
        rr = waves.sinus(rng, seconds, rng.uniform(50, 85), 0.02, rng.uniform(0.06, 0.15))
    else:
        bpm = rng.uniform(50, 100) if kind != "sinus" else rng.uniform(35, 180)
        rr = waves.sinus(rng, seconds, bpm, rng.uniform(0.005, 0.03))
    if kind == "ectopy":
        rr, types = waves.with_ectopy(rng, rr, str(rng.choice(["V", "S"])), rng.uniform(0.04, 0.25))
    elif kind == "bigeminy":
        rr, types = waves.with_ectopy(rng, rr, str(rng.choice(["V", "S"])), 0, int(rng.choice([2, 3])))
    elif kind == "block":
        wide = rng.uniform(1.3, 1.7)
    elif kind == "pause":
        for at in rng.choice(np.arange(3, len(rr) - 5), int(rng.integers(1, 3)), replace=False):
            rr[at] = rng.uniform(2.2, 4)
    x, truth = waves.ecg(rng, rr, types or ["N"] * (len(rr) + 1), seconds, rate, lead, wide, kind != "af")
    x, kinds = waves.disturb(rng, x, rate, noisy)
    return {"kind": "ecg", "unit": "mV", "rate": rate, "noise": kinds, "lead": lead, "rhythm": kind, **truth,
            **of_beats(truth["beats"])}, x


def silence(rng: np.random.Generator, kind: str, noisy: bool) -> tuple[dict, np.ndarray]:
    """No heart beat at all: a flat line with a little noise, or noise alone."""
    rate = int(rng.choice(RATES))
    n = 30 * rate
    x = 0.004 * rng.standard_normal(n) + 0.03 * np.sin(np.arange(n) / rate)
    if kind == "noise":
        x = rng.uniform(0.2, 1) * waves.band(rng, n, rate, *((1, 12) if noisy else (10, 60)))
    return {"kind": "ecg", "unit": "mV", "rate": rate, "noise": [kind], "rhythm": "none", "beats": [], "types": ""}, x


def ppg(rng: np.random.Generator, kind: str, noisy: bool) -> tuple[dict, np.ndarray]:
    """A pulse oximeter's curve by neurokit2; motion and bursts where noisy."""
    rate, bpm, seed = int(rng.choice((60, 125, 250))), float(rng.uniform(40, 170)), int(rng.integers(2**31))
    same = {"duration": 40, "sampling_rate": rate, "heart_rate": bpm, "frequency_modulation": float(rng.uniform(0, 0.1)),
            "ibi_randomness": 0.05, "random_state": seed}
    clean = np.asarray(neurokit().ppg_simulate(**same, drift=0, motion_amplitude=0, powerline_amplitude=0))
    pulses = tops(clean, rate, bpm) / rate
    if noisy:
        clean = np.asarray(neurokit().ppg_simulate(**same, drift=0.3, motion_amplitude=0.2, powerline_amplitude=0.02,
                                                   burst_number=int(rng.integers(0, 4)), burst_amplitude=1))
    return {"kind": "ppg", "unit": "", "rate": rate, "noise": [], "heart_rate": 60 / float(np.mean(np.diff(pulses)))}, clean


def breathing(rng: np.random.Generator, kind: str, noisy: bool) -> tuple[dict, np.ndarray]:
    """Chest movement by neurokit2, both of its methods."""
    rate, rpm, seed = int(rng.choice((25, 62, 125))), float(rng.uniform(6, 40)), int(rng.integers(2**31))
    same = {"duration": 60, "sampling_rate": rate, "respiratory_rate": rpm, "random_state": seed,
            "method": str(rng.choice(["sinusoidal", "breathmetrics"]))}
    breaths = tops(np.asarray(neurokit().rsp_simulate(**same, noise=0)), rate, rpm) / rate
    x = np.asarray(neurokit().rsp_simulate(**same, noise=0.2 if noisy else 0.01))
    pause = float(rng.uniform(12, 20)) if rng.random() < 0.3 else 0.0
    if pause:  # breath is held in the middle
        at = int(rng.uniform(20, 30) * rate)
        hold = np.full(int(pause * rate), x[at]) + 0.02 * np.std(x) * rng.standard_normal(int(pause * rate))
        x = np.concatenate([x[:at], hold, x[at:]])
    if noisy:
        x = x + np.std(x) * (0.2 * rng.standard_normal(len(x)) + 0.5 * np.sin(2 * np.pi * 0.02 * np.arange(len(x)) / rate))
    return {"kind": "respiration", "unit": "", "rate": rate, "noise": [], "pause_s": pause,
            "rate_per_min": 60 / float(np.mean(np.diff(breaths)))}, x


def co2(rng: np.random.Generator, kind: str, noisy: bool) -> tuple[dict, np.ndarray]:
    """Capnograms in mmHg or kPa."""
    rate, rpm, top = int(rng.choice((25, 50, 100))), float(rng.uniform(8, 32)), float(rng.uniform(18, 70))
    bottom, pause = (float(rng.uniform(3, 8)) if rng.random() < 0.25 else 0.0), (15.0 if rng.random() < 0.25 else 0.0)
    x = waves.capnogram(rng, 60, rate, rpm, top, bottom, pause) + (1.0 if noisy else 0.2) * rng.standard_normal(60 * rate)
    kpa = bool(rng.random() < 0.5)
    return {"kind": "co2", "unit": "kPa" if kpa else "mm[Hg]", "rate": rate, "noise": [], "rate_per_min": rpm,
            "top_mmhg": top, "bottom_mmhg": bottom, "pause_s": pause}, x * (0.133322 if kpa else 1)


def abp(rng: np.random.Generator, kind: str, noisy: bool) -> tuple[dict, np.ndarray]:
    """Arterial pressure in mmHg."""
    rate, high = int(rng.choice((100, 125, 250))), float(rng.uniform(75, 190))
    low, bpm = high * float(rng.uniform(0.45, 0.7)), float(rng.uniform(45, 150))
    rr = waves.sinus(rng, 40, bpm, 0.01)
    x = waves.pressure(rng, rr, 40, rate, high, low)
    t = np.arange(len(x)) / rate
    x += 2.0 * np.sin(2 * np.pi * 0.25 * t) + (1.5 if noisy else 0.2) * rng.standard_normal(len(x))
    return {"kind": "abp", "unit": "mm[Hg]", "rate": rate, "noise": [], "heart_rate": 60 / float(np.mean(rr)),
            "systolic": high, "diastolic": low}, x


def jobs(split: str) -> Iterator[tuple[str, str, int]]:
    """Every strip of a split, by name."""
    for kind, count in COUNTS.items():
        for i in range(count):
            yield split, kind, i


def write(folder: Path, split: str, processes: int) -> int:
    """One split; the header appears last, so that a folder with one is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    heads, at = [], 0
    partial = folder / f"{split}.i16.partial"
    with Pool(processes) as pool, open(partial, "wb") as out:
        for head, ints in pool.imap(make, jobs(split), chunksize=4):
            heads.append(json.dumps({**head, "at": at}))
            at += out.write(ints.tobytes())
    os.replace(partial, folder / f"{split}.i16")
    (folder / f"{split}.jsonl.partial").write_text("\n".join(heads) + "\n", encoding="utf-8")
    os.replace(folder / f"{split}.jsonl.partial", folder / f"{split}.jsonl")
    return len(heads)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tune", action="store_true", help="also write the strips that settings are chosen on")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    for split in SPLITS if args.tune else ["held-out"]:
        print(f"{split}: {write(args.folder, split, args.processes)} strips", flush=True)


if __name__ == "__main__":
    main()
