"""A check definition in an error, as Go prints a struct."""

from pyconsul.structs.definitions import check_definition_from


def test_a_definition_stands_as_go_prints_it_but_for_its_token() -> None:
    """Every field in Go's order, with nothing between the blanks where it is empty."""
    plain = check_definition_from({"name": "c", "ttl": "5s", "service_id": "none"}, "config")
    assert plain.go_text() == (
        "&{ c  none   []   false map[]   false  false  0s    false   false   0s 5s 0 0 0 0s 4096 {}}"
    )
    full = check_definition_from(
        {"id": "i", "name": "c", "token": "secret", "http": "h", "header": {"A": ["b", "c"]}, "interval": "1m"},
        "config",
    )
    assert full.go_text() == (
        "&{i c   hidden  [] h  false map[A:[b c]]   false  false  1m0s    false   false   0s 0s 0 0 0 0s 4096 {}}"
    )
