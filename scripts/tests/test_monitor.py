"""What a monitor and an oximeter are made to file around charted vital signs."""

import numpy as np

from scripts.corpus import monitor

CHARTED = {
    "8867-4": [(0, 90.0), (120, 120.0), (240, 80.0)],
    "2708-6": [(60, 93.0)],
    "8480-6": [(0, 100.0)],
    "8462-4": [(0, 95.0)],
}
START = np.datetime64("2024-06-15T08:00:00", "s")


def made(seed=1):
    return monitor.observations(np.random.default_rng(seed), "p", "Encounter/e", START, 300, CHARTED)


def test_same_seed_same_readings():
    assert made() == made()
    assert made() != made(2)


def test_the_truth_goes_through_what_was_charted():
    truth = monitor.course(np.random.default_rng(3), 300, monitor.HEART, CHARTED["8867-4"])
    for minute, value in CHARTED["8867-4"]:
        assert abs(truth[minute] - value) < 1e-9
    assert np.std(np.diff(truth)) > 0.3
    assert np.corrcoef(truth[:-1], truth[1:])[0, 1] > 0.9


def test_both_devices_see_one_patient():
    readings = made()
    assert len({o["id"] for o in readings}) == len(readings)
    assert [o["effectiveDateTime"] for o in readings] == sorted(o["effectiveDateTime"] for o in readings)

    def rate(device, code):
        return {
            o["effectiveDateTime"][:16]: o["valueQuantity"]["value"]
            for o in readings
            if o["device"]["reference"].endswith(device) and o["code"]["coding"][0]["code"] == code
        }

    ours, theirs = rate("mon", "8867-4"), rate("oxi", "8889-8")
    both = ours.keys() & theirs.keys()
    assert len(ours) == 300 and len(theirs) == 150 and len(both) > 100
    assert np.median([abs(ours[t] - theirs[t]) for t in both]) <= 3
    assert any(ours[t] != theirs[t] for t in both)


def test_pressures_do_not_contradict_each_other():
    panels = [o for o in made() if "component" in o]
    assert len(panels) == 60
    for o in panels:
        high, low = (part["valueQuantity"]["value"] for part in o["component"])
        assert low < high
