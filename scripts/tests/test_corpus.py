"""The corpora's command line, and what of their making needs no packages of their own."""

import argparse

import pytest

from scripts.bootstrap.files import SetupError
from scripts.bootstrap.layout import Layout
from scripts.corpus import __main__ as corpus


def arguments(**given):
    return argparse.Namespace(
        **{"size": "small", "patients": 0, "seed": 1, "tune": False, "processes": 1, "offline": True} | given
    )


def cohort_folder(layout, args):
    parameters, _ = corpus.arguments("cohort", args)
    return layout.cache / "corpora" / f"cohort-{args.size}-{corpus.key('cohort', parameters)}"


def test_every_parameter_makes_another_corpus():
    keys = {
        corpus.key("cohort", corpus.arguments("cohort", arguments(**given))[0])
        for given in ({}, {"size": "medium"}, {"patients": 3}, {"seed": 2})
    }
    assert len(keys) == 4
    assert corpus.key("cohort", ["a"]) == corpus.key("cohort", ["a"]) != corpus.key("signals", ["a"])


def test_a_corpus_that_is_there_is_kept(tmp_path):
    layout = Layout(tmp_path)
    folder = cohort_folder(layout, arguments())
    folder.mkdir(parents=True)
    assert corpus.make("cohort", arguments(), layout) == folder


def test_offline_says_what_is_missing(tmp_path):
    with pytest.raises(SetupError, match="--offline, but the packages for generated corpora are not in the cache"):
        corpus.make("cohort", arguments(), Layout(tmp_path))


@pytest.mark.parametrize(("status", "error"), [(1, SetupError), (130, KeyboardInterrupt), (-2, KeyboardInterrupt)])
def test_a_corpus_is_whole_or_absent(tmp_path, monkeypatch, status, error):
    layout = Layout(tmp_path)
    monkeypatch.setattr(corpus.testenv, "make", lambda *a: tmp_path / "python")
    monkeypatch.setattr(corpus, "check_space", lambda *a: None)

    def half(command, **kwargs):
        (corpus.Path(command[3]) / "Patient.ndjson").write_text("{}\n")
        return argparse.Namespace(returncode=status)

    monkeypatch.setattr(corpus.subprocess, "run", half)
    with pytest.raises(error):
        corpus.make("cohort", arguments(), layout)
    assert not any(p.is_dir() for p in (tmp_path / "corpora").iterdir())

    status = 0
    assert corpus.make("cohort", arguments(), layout) == cohort_folder(layout, arguments())
    assert (cohort_folder(layout, arguments()) / "Patient.ndjson").exists()


def test_the_command_prints_the_folder_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BEDSIDE_CACHE", str(tmp_path))
    folder = cohort_folder(Layout(tmp_path), arguments(seed=9_000_000))
    folder.mkdir(parents=True)
    assert corpus.main(["cohort", "--offline"]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    assert corpus.main(["signals", "--offline"]) == 1
    assert "generated corpora" in capsys.readouterr().err
