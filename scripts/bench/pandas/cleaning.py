"""The steps of clinical/prepare with pandas, vectorised where pandas has a way to: what a data engineer would write.

    python -m scripts.bench.pandas.cleaning FOLDER [--processes 2] [--fill 5]

Reads a FHIR bulk export, cleans it in memory and prints one line of JSON: seconds and counts. It runs in the corpora's
environment. Limits, scales and units are those of clinical/prepare/data/measures.tsv. Not done, since no table operation
says it: alignment of clocks, one-to-one matching of duplicates, reports of what was changed, ids of what was merged.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import time
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import orjson
import pandas as pd

ROOT = Path(__file__).resolve().parents[3]
SAME_MOMENT, HAMPEL, WINDOW, AGREES, DIFFERS = 30.0, 3.0, 11, 1.35, 1.9
SYSTEM_LOINC = "http://loinc.org"
# How a number in another unit becomes one in the measure's usual unit (UCUM): factor and shift. Molar ones follow below.
FACTORS = {
    ("mm[Hg]", "kPa"): 1 / 0.133322,
    ("%", "1"): 100,
    ("g/dL", "g/L"): 0.1,
    ("mg/L", "mg/dL"): 10,
    ("10*3/uL", "/uL"): 0.001,
    ("mg/dL", "g/L"): 100,
    ("ng/mL", "ng/L"): 0.001,
    ("kg", "[lb_av]"): 0.45359237,
    ("cm", "m"): 100,
    ("cm", "[in_i]"): 2.54,
    ("mmol/L", "meq/L"): 1,
    ("kg", "g"): 0.001,
    ("mg/L", "ng/mL"): 0.001,
    ("mg/L", "ug/mL"): 1,
}
MOLAR = {
    ("mg/dL", "mmol/L"): 0.1,
    ("mg/dL", "umol/L"): 0.0001,
    ("mmol/L", "mg/dL"): 10,
    ("g/dL", "mmol/L"): 0.0001,
}  # times or by g/mol


def settings() -> pd.DataFrame:
    """Limits by the measure's code."""
    return pd.read_csv(ROOT / "clinical/prepare/data/measures.tsv", sep="\t", dtype={"code": str}).set_index("code")


def synonyms(known: pd.Index) -> dict[str, tuple[str, str]]:
    """The code that the limits stand under, and the usual unit, of each LOINC code that means the same measure."""
    out = {}
    for line in (ROOT / "clinical/terms/data/measures.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        cells = line.split("\t")
        codes = [c[1:] for c in cells[1].split("|") if c.startswith("L")]
        first = next((c for c in codes if c in known), None)
        if first:
            out.update(dict.fromkeys(codes, (first, cells[7])))
    return out


def conversions(limits: pd.DataFrame, usual: dict[str, str]) -> pd.DataFrame:
    """Factor and shift of every measure and unit in use."""
    rows = []
    for code, row in limits[limits.index.isin(list(usual))].iterrows():
        unit = usual[code]
        rows.append((code, unit, 1.0, 0.0))
        for other in str(row["alternatives"]).split("|"):
            if other == "[degF]":
                rows.append((code, other, 5 / 9, -32 * 5 / 9))
            elif (unit, other) in FACTORS:
                rows.append((code, other, FACTORS[unit, other], 0.0))
            elif (unit, other) in MOLAR and row["molar_mass"] > 0:
                up = unit in ("mg/dL", "g/dL")
                rows.append(
                    (
                        code,
                        other,
                        MOLAR[unit, other] * row["molar_mass"] if up else MOLAR[unit, other] / row["molar_mass"],
                        0.0,
                    )
                )
    return pd.DataFrame(rows, columns=["measure", "unit", "factor", "shift"])


def chunks(path: Path, n: int) -> list[tuple[Path, int, int]]:
    """A file in n parts that end with a line."""
    size = path.stat().st_size
    if size == 0:
        return []
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
        ends = sorted({m.find(b"\n", size * (i + 1) // n - 1) + 1 or size for i in range(n)})
    return [(path, a, b) for a, b in zip([0, *ends[:-1]], ends)]


def parse(chunk: tuple[Path, int, int]) -> tuple[pd.DataFrame, int]:
    """A row for each number of each observation; and how many observations there were."""
    path, start, end = chunk
    ids, patients, devices, codes, times, values, units = [], [], [], [], [], [], []
    loads = orjson.loads
    with open(path, "rb") as f:
        f.seek(start)
        text = f.read(end - start)
    count = 0
    for line in text.splitlines():
        o = loads(line)
        count += 1
        parts = [o, *o["component"]] if "component" in o else (o,)
        at = o.get("effectiveDateTime", "")
        device = o["device"]["reference"] if "device" in o else ""
        for part in parts:
            q = part.get("valueQuantity")
            if q is None:
                continue
            code = next((c.get("code") for c in part["code"].get("coding", ()) if c.get("system") == SYSTEM_LOINC), "")
            ids.append(o["id"])
            patients.append(o["subject"]["reference"])
            devices.append(device)
            codes.append(code)
            times.append(at)
            values.append(q.get("value"))
            units.append(q.get("code", ""))
    frame = pd.DataFrame(
        {
            "id": ids,
            "patient": pd.Categorical(patients),
            "device": pd.Categorical(devices),
            "code": pd.Categorical(codes),
            "time": pd.to_datetime(pd.Series(times), utc=True, format="ISO8601", errors="coerce"),
            "value": np.array(values, dtype=float),
            "unit": pd.Categorical(units),
        }
    )
    return frame, count


def read(folder: Path, pool: Pool | None, processes: int) -> tuple[pd.DataFrame, int]:
    """All observations of an export."""
    jobs = chunks(folder / "Observation.ndjson", processes)
    parts = pool.map(parse, jobs) if pool else [parse(j) for j in jobs]
    frame = pd.concat([p for p, _ in parts], ignore_index=True) if len(parts) > 1 else parts[0][0]
    for column in ("patient", "device", "code", "unit"):
        frame[column] = frame[column].astype("category")
    return frame, sum(n for _, n in parts)


def right_units(df: pd.DataFrame, limits: pd.DataFrame, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every number in its measure's usual unit; those of a unit that cannot be meant are corrected."""
    df = df.merge(table, on=["measure", "unit"], how="inner", sort=False)
    filed = df["value"]
    df["value"] = filed * df["factor"] + df["shift"]
    df = df.join(limits[["soft_low", "soft_high", "hard_low", "hard_high", "carry_minutes", "scale"]], on="measure")
    converted = df["unit"] != df["usual"]
    plausible = df["value"].between(df["soft_low"], df["soft_high"])
    groups = df[plausible].groupby(["patient", "measure"], observed=True)["value"].agg(["median", "count"])
    groups = groups.join(df.groupby(["patient", "measure"], observed=True).size().rename("all"))
    own = df[["patient", "measure"]].merge(groups, left_on=["patient", "measure"], right_index=True, how="left")
    have = ((own["count"] >= 3) & (own["count"] > own["all"] - own["count"])).to_numpy()
    level = own["median"].to_numpy()
    value = df["value"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        far = have & (value > 0) & (np.maximum(value / level, level / value) > DIFFERS)
        odd = np.flatnonzero(~plausible.to_numpy() | far)
        tried = df.iloc[odd][["measure", "unit", "soft_low", "soft_high"]].assign(row=odd, filed=filed.to_numpy()[odd])
        tried = tried.merge(table, on="measure", suffixes=("", "_other"))
        tried = tried[tried["unit"].astype(str) != tried["unit_other"]]
        tried["meant"] = tried["filed"] * tried["factor"] + tried["shift"]
        at = tried["row"].to_numpy()
        near = np.maximum(tried["meant"] / level[at], level[at] / tried["meant"]) <= AGREES
    good = tried[tried["meant"].between(tried["soft_low"], tried["soft_high"]) & (near | ~have[at])]
    good = good[good.groupby("row")["row"].transform("size") == 1].set_index("row")["meant"]
    possible = df["value"].between(df["hard_low"], df["hard_high"]).to_numpy()
    good = good[have[good.index] | ~possible[good.index]]
    value = value.copy()
    value[good.index] = good.to_numpy()
    df["value"] = value
    converted[good.index] = False
    report = []
    for kind, some in (("converted", df[converted]), ("unit-corrected", df.loc[good.index])):
        report.append(
            pd.DataFrame(
                {
                    "kind": kind,
                    "id": some["id"],
                    "before": said(filed[some.index], some["unit"]),
                    "after": said(some["value"], some["usual"]),
                }
            )
        )
    return df, pd.concat(report)


def without_near_duplicates(df: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Readings of another device within the same moment that differ by no more than two good ones may."""
    df = df.sort_values(["patient", "measure", "time"], kind="stable")
    before = df.shift(1)
    same = (
        df["patient"].eq(before["patient"])
        & df["measure"].eq(before["measure"])
        & df["device"].ne(before["device"])
        & ((df["time"] - before["time"]).dt.total_seconds() <= SAME_MOMENT)
        & ((df["value"] - before["value"]).abs() <= df["scale"])
    )
    same &= ~same.shift(1, fill_value=False)
    return df[~same], pd.DataFrame({"kind": "near-duplicate", "id": df.loc[same, "id"], "into": before.loc[same, "id"]})


def artefacts(df: pd.DataFrame) -> pd.Series:
    """The Hampel identifier by rolling medians of each patient's, measure's and device's series."""
    keys = [df["patient"], df["measure"], df["device"]]
    rolling = {"window": WINDOW, "center": True, "min_periods": 5}
    center = df.groupby(keys, observed=True, sort=False)["value"].rolling(**rolling).median()
    center = center.reset_index(level=[0, 1, 2], drop=True).reindex(df.index)
    off = (df["value"] - center).abs()
    spread = off.groupby(keys, observed=True, sort=False).rolling(**rolling).median()
    spread = spread.reset_index(level=[0, 1, 2], drop=True).reindex(df.index)
    return off > HAMPEL * np.maximum(1.4826 * spread, df["scale"])


def filled(df: pd.DataFrame, minutes: int) -> pd.DataFrame:
    """A row for each empty step of a grid that a value can be made up for: interpolated within twice the limit, else
    carried on within it."""
    good = df[~df["artefact"] & ~df["implausible"]]
    out = []
    for (patient, measure), g in good.groupby(["patient", "measure"], observed=True, sort=False):
        if len(g) < 2:
            continue
        series = g.set_index("time")["value"].resample(f"{minutes}min").mean()
        gap = series.isna()
        run = gap.groupby((~gap).cumsum()).transform("sum")
        limit = g["carry_minutes"].iloc[0] / minutes
        line = series.interpolate("time", limit_area="inside").where(run <= 2 * limit)
        values = series.fillna(line)
        if limit >= 1:
            values = values.ffill(limit=int(limit))
        values = values[gap & values.notna()]
        if len(values):
            out.append(
                pd.DataFrame(
                    {
                        "patient": patient,
                        "measure": measure,
                        "time": values.index,
                        "value": values.to_numpy(),
                        "usual": g["usual"].iloc[0],
                        "imputed": True,
                    }
                )
            )
    made = pd.concat(out, ignore_index=True)
    made["id"] = "imputed-" + made["measure"] + "-" + (made["time"].astype("int64") // 10**9).astype(str)
    return made


def clean(df: pd.DataFrame, minutes: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All steps, of the patients in a table: the readings that stay and those made up, and what was changed."""
    limits = settings()
    names = synonyms(limits.index)
    known = pd.DataFrame(
        [(code, first, unit) for code, (first, unit) in names.items()], columns=["code", "measure", "usual"]
    )
    table = conversions(limits, dict(names.values()))
    df = df.dropna(subset=["time", "value"])
    same = ["patient", "code", "time", "value", "unit"]
    again = df.duplicated(same)
    merged = df.loc[again, ["id", *same]].merge(df.loc[~again, ["id", *same]], on=same, suffixes=("", "_into"))
    report = [pd.DataFrame({"kind": "duplicate", "id": merged["id"], "into": merged["id_into"]})]
    df = df[~again]
    df = df.astype({"code": str, "unit": str}).merge(known, on="code", how="inner", sort=False)
    df, changes = right_units(df, limits, table)
    report.append(changes)
    df, changes = without_near_duplicates(df)
    report.append(changes)
    df = df.reset_index(drop=True)
    df["implausible"] = ~df["value"].between(df["soft_low"], df["soft_high"])
    df["artefact"] = artefacts(df)
    report += [marked(df, "implausible"), marked(df, "artefact")]
    made = filled(df, minutes)
    report.append(pd.DataFrame({"kind": "filled", "id": made["id"], "after": said(made["value"], made["usual"])}))
    return pd.concat([df, made], ignore_index=True), pd.concat(report, ignore_index=True)


def said(value: pd.Series, unit: pd.Series) -> pd.Series:
    """Numbers with their units, as text."""
    return value.round(4).astype(str) + " " + unit.astype(str)


def marked(df: pd.DataFrame, mark: str) -> pd.DataFrame:
    """The report of what was marked."""
    some = df[df[mark]]
    return pd.DataFrame({"kind": mark, "id": some["id"], "before": said(some["value"], some["usual"])})


def job(given: tuple[pd.DataFrame, int]) -> dict[str, int]:
    """Cleans a part and counts the changes, so that no table goes from one process to another."""
    _, report = clean(*given)
    return report["kind"].value_counts().to_dict()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--fill", type=int, default=5, help="minutes of the grid on which gaps are filled")
    args = parser.parse_args()
    pool = Pool(args.processes) if args.processes > 1 else None
    began = time.perf_counter()
    df, observations = read(args.folder, pool, args.processes)
    parsed = time.perf_counter() - began
    patients = df["patient"].nunique()
    began = time.perf_counter()
    if pool:
        part = df["patient"].cat.codes % args.processes
        counts: dict[str, int] = {}
        for some in pool.imap_unordered(job, [(df[part == i], args.fill) for i in range(args.processes)]):
            counts = {k: counts.get(k, 0) + v for k, v in some.items()}
    else:
        counts = job((df, args.fill))
    size = sum(os.path.getsize(f) for f in args.folder.glob("*.ndjson"))
    print(
        json.dumps(
            {
                "bytes": size,
                "patients": int(patients),
                "observations": observations,
                "parse_s": round(parsed, 3),
                "clean_s": round(time.perf_counter() - began, 3),
                "counts": counts,
            }
        )
    )


if __name__ == "__main__":
    main()
