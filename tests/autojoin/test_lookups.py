"""What every provider can rely on: how settings are found and judged, and how a provider itself is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pyconsul.telemetry.logging import Level
from pyconsul.toolkit.discovery import DiscoverError, Lookup, help_text, hidden_secrets, look_up
from pyconsul.toolkit.discovery_child import look_up_apart

PLUGIN = '''
from pyconsul.toolkit.discovery import Parameter

class Tiny:
    title = "Tiny cloud"
    parameters = (
        Parameter("a", "The first.", required=True),
        Parameter("much_longer", "The second.", env="TINY", default="x"),
    )
    notes = """
Read this.

And that.
"""

    async def addresses(self, ask):
        return ["10.0.0.1"]

class Plain:
    title, parameters, notes = "Plain cloud", (), ""

    async def addresses(self, ask):
        return []
'''
POINTS = "[pyconsul.autojoin]\ntiny = tiny_cloud:Tiny\nplain = tiny_cloud:Plain\nbroken = broken_cloud:Nothing\n"


@pytest.fixture
def plug_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three providers of somebody else's, of which one cannot be loaded."""
    info = tmp_path / "tiny_cloud-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-cloud\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (tmp_path / "tiny_cloud.py").write_text(PLUGIN)
    (tmp_path / "broken_cloud.py").write_text("raise RuntimeError('not today')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


class Told:
    """What a look-up says."""

    def __init__(self) -> None:
        self.lines: list[tuple[Level, str]] = []

    def __call__(self, level: Level, line: str) -> None:
        """Keep a line."""
        self.lines.append((level, line))


def a_lookup(told: Told | None = None, **settings: str) -> Lookup:
    """One with the variables V, and E that is empty."""
    return Lookup("x", settings, told or Told(), {"V": "variable", "E": ""})


def test_a_setting_wins_over_its_variable_and_that_over_the_default() -> None:
    """An empty one counts as none."""
    ask = a_lookup(given="setting", empty="")
    assert [ask.get(key, "V", "default") for key in ("given", "empty", "none")] == ["setting", "variable", "variable"]
    assert [ask.get("none", env, "default") for env in ("", "E", "NOPE")] == ["default"] * 3
    assert ask.get("none") == ""


def test_a_setting_that_must_be_there_is_named_with_its_variable() -> None:
    """So that people know both places."""
    assert a_lookup().need("none", "V") == "variable"
    with pytest.raises(DiscoverError, match=r"^discover-x: the parameter none is missing$"):
        a_lookup().need("none")
    with pytest.raises(DiscoverError, match=r"^discover-x: the parameter none is missing \(or the .* variable E\)$"):
        a_lookup().need("none", "E")


def test_an_unknown_choice_is_told_and_replaced() -> None:
    """The kinds of addresses are called by their name."""
    told = Told()
    ask = a_lookup(told, addr_type="odd", kind="odd", good="b", empty="")
    found = [ask.choice(key, (each for each in "ab"), "a") for key in ("addr_type", "kind", "good", "empty", "none")]
    assert found == ["a", "a", "b", "a", "a"]
    end = "type odd is not supported. Valid values are {a,b}. Falling back to 'a'"
    assert told.lines == [(Level.INFO, f"discover-x: {what} {end}") for what in ("Address", "Kind")]


def test_truths_and_times_are_read_as_go_reads_them() -> None:
    """What is neither is named."""
    ask = a_lookup(yes="T", no="0", time="1m30s", odd="maybe")
    assert [ask.truth(key, True) for key in ("yes", "no", "none")] == [True, False, True]
    assert [ask.seconds(key, 5.0) for key in ("time", "none")] == [90.0, 5.0]
    with pytest.raises(DiscoverError, match=r"^discover-x: Failed to parse odd: .*invalid syntax$"):
        ask.truth("odd", False)
    with pytest.raises(DiscoverError, match=r'^discover-x: Failed to parse odd: .*invalid duration "maybe"$'):
        ask.seconds("odd", 0.0)


@pytest.mark.usefixtures("plug_ins")
async def test_a_provider_of_somebody_elses_is_asked() -> None:
    """Only what it does not know is warned of; who names no parameter takes what comes."""
    told = Told()
    assert await look_up("provider=tiny a=1 b=2", told) == ["10.0.0.1"]
    assert await look_up("provider=plain b=2", told) == []
    assert told.lines == [
        (Level.DEBUG, 'discover: Using provider "tiny"'),
        (Level.WARN, "discover-tiny: unknown parameter b is ignored"),
        (Level.DEBUG, "discover-tiny: Found ip addresses: [10.0.0.1]"),
        (Level.DEBUG, 'discover: Using provider "plain"'),
        (Level.DEBUG, "discover-plain: Found ip addresses: []"),
    ]


@pytest.mark.usefixtures("plug_ins")
async def test_a_provider_that_cannot_be_loaded_is_told() -> None:
    """With what its author should know."""
    with pytest.raises(DiscoverError, match=r"^discover-broken: cannot be loaded: RuntimeError: not today$"):
        await look_up("provider=broken")


@pytest.mark.usefixtures("plug_ins")
def test_a_help_text_stands_in_columns() -> None:
    """Whether something is required, its default and its variable follow what it means; notes come last."""
    assert help_text("tiny").splitlines() == [
        "Tiny cloud:",
        "",
        '    provider:    "tiny"',
        "    a:           The first. Required.",
        '    much_longer: The second. Default: "x". Environment: TINY.',
        "",
        "    Read this.",
        "",
        "    And that.",
    ]
    assert help_text("plain") == 'Plain cloud:\n\n    provider: "plain"\n'


def test_what_sounds_secret_is_hidden_where_nobody_knows() -> None:
    """By the words that clouds use for such things."""
    shown = hidden_secrets("provider=nope my_secret=1 my_token=2 my_password=3 my_key=4 region=5")
    assert shown == "provider=nope my_key=hidden my_password=hidden my_secret=hidden my_token=hidden region=5"


async def test_a_look_up_in_a_child_tells_the_same() -> None:
    """Its lines as they come, and in the end the fault."""
    told = Told()
    with pytest.raises(DiscoverError, match=r"^discover-digitalocean: the parameter tag_name is missing$"):
        await look_up_apart("provider=digitalocean", told)
    assert told.lines == [(Level.DEBUG, 'discover: Using provider "digitalocean"')]
