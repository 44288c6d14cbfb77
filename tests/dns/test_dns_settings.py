"""From configuration to the settings of the DNS core."""

from __future__ import annotations

import pytest

from pyconsul.agent.dns.settings import DnsSettings, Soa
from pyconsul.config import load


def settings(hcl: str = "") -> DnsSettings:
    """The settings of a dev agent with this configuration."""
    runtime = load({"dev": True, "node": "n1", "bind": "127.0.0.1", "hcl": [hcl]}, {}).runtime
    return DnsSettings.of(runtime, runtime.acl.tokens.dns)


def test_defaults_are_consul_s() -> None:
    """Of everything that an answer depends on."""
    assert settings() == DnsSettings(node_name="n1")


def test_durations_become_seconds_and_domains_full_names() -> None:
    """In lower case and with a dot at the end."""
    found = settings(
        """
        domain = "Example"
        alt_domain = "alt.test"
        recursors = ["8.8.8.8", "[2001:db8::1]:5353"]
        translate_wan_addrs = true
        acl { tokens { default = "d" dns = "t" } }
        dns_config {
          node_ttl = "1500ms"
          service_ttl { "*" = "5s" web = "1m" }
          only_passing = true
          enable_truncate = true
          udp_answer_limit = 7
          a_record_limit = 4
          disable_compression = true
          enable_additional_node_meta_txt = false
          allow_stale = false
          recursor_strategy = "random"
          recursor_timeout = "250ms"
          soa { refresh = 1 retry = 2 expire = 3 min_ttl = 4 }
        }
        """
    )
    assert (found.domain, found.alt_domain) == ("example.", "alt.test.")
    assert found.recursors == (("8.8.8.8", 53), ("2001:db8::1", 5353))
    assert (found.recursor_strategy, found.recursor_timeout) == ("random", 0.25)
    assert found.token == "t"
    assert found.node_ttl == 1
    assert [found.service_ttl.find(name) for name in ("web", "other")] == [60, 5]
    assert found.soa == Soa(1, 2, 3, 4)
    assert (found.only_passing, found.enable_truncate, found.translate_wan) == (True, True, True)
    assert (found.compress, found.node_meta_txt, found.allow_stale) == (False, False, False)
    assert (found.udp_answer_limit, found.a_record_limit) == (7, 4)


def test_a_recursor_that_is_no_address_is_refused() -> None:
    """With what is wrong."""
    with pytest.raises(ValueError, match="recursor"):
        settings('recursors = ["1.2.3.4:port"]')
