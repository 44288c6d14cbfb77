"""The command line of the watch tool: settings over those of the files, switches, and the help that lists them."""

from __future__ import annotations

import pytest

from pyconsul.lang.goflags import FlagError, HelpRequested
from pyconsul_watch.arguments import SWITCHES, options, parse, usage


def test_without_words_everything_is_as_the_files_say() -> None:
    """No setting is laid over them, and nothing else is asked for."""
    found = parse([])
    assert (found.settings, list(found.paths)) == ({}, [])
    assert not (found.once or found.validate or found.plain or found.version)


def test_paths_add_up_in_their_order() -> None:
    """Files and folders alike."""
    assert list(parse(["-config", "b", "-config=a"]).paths) == ["b", "a"]


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_switches_one_thing_on(switch: str) -> None:
    """And may be switched off again."""
    field = "version" if switch == "v" else switch
    assert getattr(parse([f"-{switch}"]), field) is True
    assert getattr(parse([f"-{switch}=false"]), field) is False


@pytest.mark.parametrize("value", [True, False])
def test_syslog_is_a_setting_where_it_is_given(value: bool) -> None:
    """So that it can take back what a file says."""
    assert parse([f"-syslog={str(value).lower()}"]).settings == {"syslog": {"enabled": value}}


def test_words_that_are_no_flags_are_refused() -> None:
    """Quoted, so that one sees where each ends."""
    with pytest.raises(FlagError, match=r'extra args: \["a b" "c"\]'):
        parse(["-once", "a b", "c"])


@pytest.mark.parametrize("word", ["-h", "-help"])
def test_help_may_be_asked_for(word: str) -> None:
    """It is no mistake, and it lists every option."""
    with pytest.raises(HelpRequested):
        parse([word])
    text = usage()
    for names, about in options():
        assert f"-{names.split('=')[0].split(',')[0]}" in text
        assert about.split()[0] in text
