"""Waveforms with known truth: electrocardiograms at any series of RR intervals, capnograms, arterial pressure, noise.

neurokit2's dynamical model draws its own RR intervals, so rhythms other than sinus rhythm need beats laid out at given
times. A beat is a sum of Gaussians, as in McSharry et al. 2003 (doi:10.1109/TBME.2003.808805), placed in time.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfiltfilt

Rng = np.random.Generator

# Leads: (place in s, amplitude in mV, width in s) of Q, R and S, then of P and T. Widths are for a QRS of 90 ms or so.
LEADS = {
    "II": {"qrs": [(-0.024, -0.12, 0.008), (0.0, 1.1, 0.011), (0.026, -0.25, 0.009)], "p": 0.13, "t": 0.28},
    "V1": {"qrs": [(-0.012, 0.22, 0.009), (0.014, -1.0, 0.013)], "p": 0.07, "t": -0.12},
    "V5": {"qrs": [(-0.026, -0.15, 0.008), (0.0, 1.5, 0.012), (0.028, -0.35, 0.010)], "p": 0.10, "t": 0.38},
    "III": {"qrs": [(-0.020, -0.08, 0.008), (0.002, 0.45, 0.012), (0.028, -0.20, 0.010)], "p": 0.08, "t": 0.12},
    "aVR": {"qrs": [(-0.022, 0.10, 0.008), (0.0, -0.9, 0.012), (0.026, 0.15, 0.009)], "p": -0.10, "t": -0.22},
}
# Ventricular beats: broad, and the T wave against the QRS.
WIDE = [[(-0.030, 0.35, 0.028), (0.022, 1.35, 0.034)], [(-0.026, -0.30, 0.026), (0.026, -1.3, 0.036)],
        [(-0.036, 0.9, 0.024), (0.030, -0.8, 0.030)]]
LEVEL = 0.02  # a QRS begins and ends where it is 2% of its peak-to-peak amplitude away from the baseline


def sinus(rng: Rng, seconds: float, rate: float, sdnn: float, arrhythmia: float = 0.0) -> np.ndarray:
    """RR intervals with Mayer waves at 0.1 Hz, breathing at 0.2 to 0.3 Hz, and an arrhythmia of this relative size."""
    mean, breath, phase = 60 / rate, rng.uniform(0.18, 0.3), rng.uniform(0, 2 * np.pi, 2)
    out, t = [], 0.0
    while t < seconds + 3:
        rr = mean + sdnn * (np.sin(2 * np.pi * 0.1 * t + phase[0]) + 0.7 * np.sin(2 * np.pi * breath * t + phase[1]))
        rr += 0.3 * sdnn * rng.standard_normal() + arrhythmia * mean * np.sin(2 * np.pi * breath * t + phase[1])
        out.append(max(0.25, rr))
        t += out[-1]
    return np.array(out)


def fibrillation(rng: Rng, seconds: float) -> np.ndarray:
    """RR intervals of atrial fibrillation by the atrioventricular node model of Corino et al. 2011
    (doi:10.1109/TBME.2011.2166262): impulses arrive as a Poisson process and pass once the pathway that they take is no
    longer refractory; each pathway's refractory time is prolonged at random."""
    arrivals, slow = rng.uniform(5.5, 8.5), rng.uniform(0.22, 0.75)
    fast, share, more = slow + rng.uniform(0.08, 0.3), rng.uniform(0.3, 0.9), rng.uniform(0.08, 0.3)
    out, t = [], 0.0
    while t < seconds + 3:
        open_slow, open_fast = slow + more * rng.random(), fast + more * rng.random()
        x = rng.exponential(1 / arrivals)
        while x < (open_slow if rng.random() < share else open_fast):
            x += rng.exponential(1 / arrivals)
        out.append(x)
        t += x
    return np.array(out)


def with_ectopy(rng: Rng, rr: np.ndarray, kind: str, share: float, every: int = 0) -> tuple[np.ndarray, list[str]]:
    """Premature beats in a series: V with a full compensatory pause, S after which the sinus node starts anew. A share
    of the beats at random, or every second or third one."""
    rr, types, i, coupling = rr.copy(), ["N"] * (len(rr) + 1), 2, rng.uniform(0.55, 0.75)
    while i < len(rr) - 1:
        if i % every == 0 if every else rng.random() < share:
            early = np.clip(coupling + 0.03 * rng.standard_normal(), 0.5, 0.8)
            pause = 2 - early if kind == "V" else rng.uniform(1.0, 1.15)
            rr[i], rr[i + 1] = rr[i] * early, rr[i + 1] * pause
            types[i + 1] = kind
            i += 1
        i += 1
    return rr, types


def qrs_ends(waves: list[tuple[float, float, float]]) -> tuple[float, float]:
    """Where a QRS begins and ends, in seconds from its reference point."""
    t = np.arange(-0.3, 0.3, 0.0005)
    y = sum(a * np.exp(-((t - c) ** 2) / (2 * w * w)) for c, a, w in waves)
    over = np.flatnonzero(np.abs(y) > LEVEL * np.ptp(y))
    return float(t[over[0]]), float(t[over[-1]])


def qrs_peak(waves: list[tuple[float, float, float]]) -> float:
    """Where a QRS is farthest from the baseline, in seconds from its reference point."""
    t = np.arange(-0.2, 0.2, 0.0005)
    return float(t[np.argmax(np.abs(sum(a * np.exp(-((t - c) ** 2) / (2 * w * w)) for c, a, w in waves)))])


def ecg(rng: Rng, rr: np.ndarray, types: list[str], seconds: float, rate: int, lead: str, wide: float, atria: bool):
    """A strip in mV, and its truth: beats' times and types, QRS width. wide stretches the QRS; without atria there are
    no P waves but the fibrillatory waves of Stridh and Sornmo 2001 (IEEE Trans Biomed Eng 48:105-111)."""
    shape, t = LEADS[lead], np.arange(int(seconds * rate)) / rate
    stretch = wide * rng.uniform(0.9, 1.1)
    gain, pr, p_width = rng.uniform(0.7, 1.3), rng.uniform(0.13, 0.18), rng.uniform(0.016, 0.024)
    qrs = [(c * stretch, a * gain, w * stretch) for c, a, w in shape["qrs"]]
    ectopic = [(c, a * gain, w) for c, a, w in WIDE[rng.integers(len(WIDE))]]
    out, beats = np.zeros(len(t)), []
    at = rng.uniform(-0.3, 0.1)

    def add(c: float, a: float, w: float) -> None:
        lo, hi = np.searchsorted(t, [c - 5 * w, c + 5 * w])
        out[lo:hi] += a * np.exp(-((t[lo:hi] - c) ** 2) / (2 * w * w))

    for i, kind in enumerate(types):
        before, after = rr[max(0, i - 1)], rr[min(i, len(rr) - 1)]
        scale = np.sqrt(min(before, after, 1.1))
        waves, t_wave = (ectopic, -0.35 * np.sign(ectopic[-1][1])) if kind == "V" else (qrs, shape["t"])
        for c, a, w in waves:
            add(at + c, a, w)
        t_at = 0.30 * scale + (0.08 if kind == "V" else 0.03 * (wide - 1))
        add(at + t_at - 0.02 * scale, t_wave * gain, 0.055 * scale)
        add(at + t_at + 0.03 * scale, 0.25 * t_wave * gain, 0.03 * scale)
        if atria and kind != "V":
            sign = -0.6 if kind == "S" else 1.0
            add(at - min(pr, 0.42 * before) - 0.02, sign * shape["p"] * gain, p_width)
            add(at - min(pr, 0.42 * before) + 0.01, 0.7 * sign * shape["p"] * gain, p_width)
        peak = at + qrs_peak(waves)
        if 0 <= peak < seconds:
            beats.append((round(peak, 4), kind))
        at += after
        if at > seconds + 1:
            break
    if not atria:
        out += f_waves(rng, t) * gain
    start, end = qrs_ends(qrs)
    width = round(1000 * (end - start), 1)
    return out, {"beats": [b for b, _ in beats], "types": "".join(k for _, k in beats), "qrs_ms": width}


def f_waves(rng: Rng, t: np.ndarray) -> np.ndarray:
    """A sawtooth of four to nine cycles a second, whose frequency and size wander."""
    f0, size, out = rng.uniform(4.5, 8.5), rng.uniform(0.02, 0.09), np.zeros(len(t))
    phase = 2 * np.pi * f0 * t + 0.25 / 0.2 * np.sin(2 * np.pi * 0.2 * t + rng.uniform(0, 6))
    for i in (1, 2, 3):
        out += 2 / (i * np.pi) * (size + 0.3 * size * np.sin(2 * np.pi * 0.08 * t)) * np.sin(i * phase)
    return out


def band(rng: Rng, n: int, rate: int, low: float, high: float) -> np.ndarray:
    """Noise of unit power within a band."""
    top = min(high, 0.45 * rate)
    sections = butter(2, [low, top], "bandpass", fs=rate, output="sos")
    x = sosfiltfilt(sections, rng.standard_normal(n + 4 * rate))[2 * rate:][:n]
    return x / np.std(x)


def disturb(rng: Rng, x: np.ndarray, rate: int, noisy: bool, size: float = 1.0) -> tuple[np.ndarray, list[str]]:
    """Clean: 10 uV of noise and a little wander. Noisy: wander, mains, muscle at 8 to 20 dB (power of the QRS taken as
    its squared peak-to-peak amplitude over 8), bursts of motion, dropouts; two to four of them. size scales all."""
    n, t, span = len(x), np.arange(len(x)) / rate, np.ptp(x)
    y = x + size * 0.01 * rng.standard_normal(n)
    y += size * 0.05 * np.sin(2 * np.pi * rng.uniform(0.1, 0.3) * t + rng.uniform(0, 6))
    if not noisy:
        return y, []
    kinds = [str(k) for k in rng.permutation(["wander", "mains", "muscle", "motion", "dropout"])[:rng.integers(2, 5)]]
    if "wander" in kinds:
        for _ in range(3):
            y += size * rng.uniform(0.1, 0.4) * np.sin(2 * np.pi * rng.uniform(0.1, 0.5) * t + rng.uniform(0, 6))
    if "mains" in kinds:
        y += size * rng.uniform(0.05, 0.25) * np.sin(2 * np.pi * rng.choice([50, 60]) * t + rng.uniform(0, 6))
    if "muscle" in kinds:
        y += np.sqrt(span**2 / 8 / 10 ** (rng.uniform(8, 20) / 10)) * band(rng, n, rate, 10, 120)
    if "motion" in kinds:
        for _ in range(rng.integers(1, 4)):
            length = int(rng.uniform(0.5, 2.5) * rate)
            at = rng.integers(0, n - length)
            y[at:at + length] += span * rng.uniform(0.3, 1.0) * np.hanning(length) * band(rng, length, rate, 1, 10)
    if "dropout" in kinds:
        for _ in range(rng.integers(1, 4)):
            at, length = rng.integers(0, n), int(rng.uniform(0.05, 2) * rate)
            y[at:at + length] = np.nan
    return y, sorted(kinds)


def capnogram(rng: Rng, seconds: float, rate: int, breaths: float, top: float, bottom: float, pause: float) -> np.ndarray:
    """Carbon dioxide in mmHg: a steep rise, a plateau that climbs to the end-tidal value, a fall, and inspiration."""
    t, out, at = np.arange(int(seconds * rate)) / rate, np.full(int(seconds * rate), bottom), rng.uniform(0, 1)
    middle = seconds / 2 if pause else np.inf
    while at < seconds:
        period = 60 / breaths * (1 + 0.05 * rng.standard_normal())
        end, rise = 0.55 * period, rng.uniform(0.06, 0.12) * period
        s = t - at
        up = (s >= 0) & (s < end)
        out[up] += (top - bottom) * np.minimum(s[up] / rise, 1) * (0.85 + 0.15 * np.minimum(s[up] / end, 1))
        down = (s >= end) & (s < end + 0.08 * period)
        out[down] += (top - bottom) * (1 - (s[down] - end) / (0.08 * period))
        at += period
        if at > middle:
            at, middle = at + pause, np.inf
    return out


def pressure(rng: Rng, rr: np.ndarray, seconds: float, rate: int, systolic: float, diastolic: float) -> np.ndarray:
    """Arterial pressure in mmHg: an upstroke, a decay, a dicrotic wave; each beat meets the two pressures."""
    t, out, at = np.arange(int(seconds * rate)) / rate, np.full(int(seconds * rate), np.nan), -rng.uniform(0, 1) - rr[0]
    for x in rr:
        s = np.arange(0, 1, 0.002)
        rise, decay = np.sin(np.pi / 2 * np.clip(s / 0.14, 0, 1)) ** 2, np.exp(-2.6 * np.clip(s - 0.14, 0, None))
        beat = np.where(s < 0.14, rise, decay)
        beat += 0.10 * np.exp(-((s - 0.42) ** 2) / (2 * 0.035**2))
        beat -= s * beat[-1]  # back to the foot
        beat = (beat - beat.min()) / np.ptp(beat)
        here = (t >= at) & (t < at + x)
        out[here] = diastolic + (systolic - diastolic) * np.interp((t[here] - at) / x, s, beat)
        at += x
        if at > seconds:
            break
    return out
