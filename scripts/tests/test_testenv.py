"""Where the environment of the clients' tests lies, and what is said when it cannot be made."""

import pytest

from scripts import testenv
from scripts.bootstrap.files import SetupError
from scripts.bootstrap.layout import Layout


def test_every_list_of_packages_has_its_own_folder(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("x==1")
    second.write_text("x==2")
    layout = Layout(tmp_path)
    assert testenv.folder(layout, first) == testenv.folder(layout, first)
    assert testenv.folder(layout, first) != testenv.folder(layout, second)
    assert testenv.folder(layout, first).parent == tmp_path


def test_offline_says_what_is_missing(tmp_path):
    with pytest.raises(SetupError, match="--offline, but the packages for the clients' tests are not in the cache"):
        testenv.make(Layout(tmp_path), offline=True)


def test_a_whole_environment_is_kept_and_a_half_made_one_is_not(tmp_path):
    layout = Layout(tmp_path)
    target = testenv.folder(layout)
    (target / "bin").mkdir(parents=True)
    (target / "bin" / "python").touch()
    with pytest.raises(SetupError):
        testenv.make(layout, offline=True)
    (target / "complete").touch()
    assert testenv.make(layout, offline=True) == target / "bin" / "python"
