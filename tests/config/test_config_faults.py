"""What configuration is refused, and what is warned about, in Consul's words (``faults.yaml``)."""

from __future__ import annotations

import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from pyconsul.config import ConfigError, Loaded

FAULTS = yaml.safe_load((Path(__file__).parent / "faults.yaml").read_text(encoding="utf-8"))


class Read(Protocol):
    """The fixture that reads text as a configuration file."""

    def __call__(self, text: str) -> Loaded:
        """The configuration that the text gives."""
        ...

    def shown(self, error: Exception) -> str:
        """The text of an error with the path of the file taken out."""
        ...


@pytest.mark.parametrize("case", FAULTS["refused"], ids=lambda case: case["config"][:40])
def test_a_bad_configuration_is_refused_in_consuls_words(read: Read, case: dict[str, str]) -> None:
    """The first rule that is broken, or all faults of one kind, make the whole error."""
    with pytest.raises(ConfigError) as caught:
        read(case["config"])
    assert read.shown(caught.value) == case["error"]


def test_the_connections_of_one_client_need_file_descriptors(read: Read) -> None:
    """As many, and twenty for the agent itself."""
    limit = "limits {{ http_max_conns_per_client = {} }}"
    with open_files(1024):
        read(limit.format(1004))
        with pytest.raises(ConfigError) as caught:
            read(limit.format(1005))
    told = "limits.http_max_conns_per_client: 1005 needs at least 1025"
    assert str(caught.value) == f"system allows a max of 1024 file descriptors, but {told}"


@contextmanager
def open_files(limit: int) -> Generator[None]:
    """So many may be open inside."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("case", FAULTS["warned"], ids=lambda case: case["config"][:40])
def test_a_doubtful_configuration_is_warned_about(read: Read, case: dict[str, Any]) -> None:
    """Old keys, enterprise keys and risky settings are accepted with a warning each."""
    assert list(read(case["config"]).warnings) == case["warnings"]


@pytest.mark.parametrize("text", FAULTS["accepted"], ids=lambda text: text[:40])
def test_a_good_configuration_passes_in_silence(read: Read, text: str) -> None:
    """What Consul accepts without a word is accepted without a word."""
    assert read(text).warnings == ()
