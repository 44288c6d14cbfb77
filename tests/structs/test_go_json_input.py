"""JSON bodies as Go's decoder takes them, with its errors."""

from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.structs import godecode
from pyconsul.structs.wire import UNSET, OmitInt, OmitStr, UnsetType


class Inner(msgspec.Struct, frozen=True):
    """A struct inside."""

    go_type: ClassVar[str] = "structs.Inner"

    Port: int = 0


class OwnReader(msgspec.Struct, frozen=True):
    """A struct with a decoder of its own, which passes over what it does not know."""

    go_type: ClassVar[str] = "struct { Beside string; *structs.Alias }"
    go_embedded: ClassVar[str] = "Alias"
    go_beside: ClassVar[dict[str, Any]] = {"Beside": str}
    go_holder: ClassVar[str] = "Outer"
    go_lax: ClassVar[bool] = True

    Text: str = ""
    On: bool = False


class Outer(msgspec.Struct, frozen=True):
    """One field of each kind."""

    go_type: ClassVar[str] = "structs.Outer"

    Name: str = ""
    Raw: bytes | None = None
    ModifyIndex: int = 0
    Tags: list[str] | None = None
    Meta: dict[str, str] | None = None
    Inside: Inner = Inner()
    On: bool = False
    Free: Any = None
    Wait: godecode.ReadableDuration = godecode.ReadableDuration(0)
    Own: OwnReader = OwnReader()


def decode(text: str, **options: Any) -> Outer:
    """A body into an Outer."""
    return godecode.into(godecode.parse(text.encode()), Outer, **options)


def test_keys_match_in_any_case_and_the_last_one_wins() -> None:
    """As Go's decoder does."""
    assert decode('{"name": "a", "NAME": "b", "inside": {"pOrT": 3}}') == Outer("b", Inside=Inner(3))


def test_null_leaves_the_default() -> None:
    """A null member is as good as none, a null body too; but it empties a list."""
    default = Outer("kept", Tags=["x"])
    assert decode('{"Name": null, "Tags": null}', default=default) == Outer("kept", Tags=None)
    assert decode("null", default=default) == default


def test_the_zero_of_a_field_that_leaves_zeros_out_is_as_good_as_none() -> None:
    """But not that of a pointer."""

    class Sparse(msgspec.Struct, frozen=True):
        Text: OmitStr = UNSET
        Number: OmitInt = UNSET
        Map: dict[str, str] | UnsetType = UNSET
        Pointer: bool | UnsetType | None = UNSET
        Plain: str = ""

    given = '{"Text": "", "Number": 0, "Map": {}, "Pointer": false, "Plain": ""}'
    assert godecode.into(godecode.parse(given.encode()), Sparse) == Sparse(Pointer=False)


def test_bytes_come_as_base64() -> None:
    """A byte field is decoded; text that is no base64 is refused at the byte where it ends to be some."""
    assert decode('{"Raw": "aGk="}').Raw == b"hi"
    with pytest.raises(ValueError, match="illegal base64 data at input byte 0"):
        decode('{"Raw": "!!"}')
    with pytest.raises(ValueError, match="illegal base64 data at input byte 4"):
        decode('{"Raw": "QQ==QQ=="}')


def test_bytes_may_come_as_numbers() -> None:
    """A list of numbers from 0 to 255 is taken, null for 0; what is no byte is named as Go names it."""
    assert decode('{"Raw": [104, null, 255]}').Raw == b"h\x00\xff"
    with pytest.raises(ValueError, match="number 256 into Go struct field"):
        decode('{"Raw": [256]}')


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"Nope": 1}', 'json: unknown field "Nope"'),
        ('{"Name": 1}', "json: cannot unmarshal number into Go struct field Outer.Name of type string"),
        (
            '{"Inside": {"Port": "x"}}',
            "json: cannot unmarshal string into Go struct field Inner.Inside.Port of type int",
        ),
        ('{"Inside": 5}', "json: cannot unmarshal number into Go struct field Outer.Inside of type structs.Inner"),
        (
            '{"Inside": {"Port": 1.5}}',
            "json: cannot unmarshal number 1.5 into Go struct field Inner.Inside.Port of type int",
        ),
        ('{"Tags": "x"}', "json: cannot unmarshal string into Go struct field Outer.Tags of type []string"),
        ('{"Meta": {"a": true}}', "json: cannot unmarshal bool into Go struct field Outer.Meta of type string"),
        (
            '{"ModifyIndex": -1}',
            "json: cannot unmarshal number -1 into Go struct field Outer.RaftIndex.ModifyIndex of type uint64",
        ),
        ("[]", "json: cannot unmarshal array into Go value of type structs.Outer"),
    ],
)
def test_what_does_not_fit_is_named_in_gos_words(body: str, text: str) -> None:
    """Unknown fields and wrong types."""
    with pytest.raises(ValueError) as refused:
        decode(body)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"Name": 1, "On": "x"}', "json: cannot unmarshal number into Go struct field Outer.Name of type string"),
        ('{"On": "x", "Nope": 1}', "json: cannot unmarshal string into Go struct field Outer.On of type bool"),
        ('{"Nope": 1, "On": "x"}', 'json: unknown field "Nope"'),
        ('{"Inside": {"Port": "x"}, "Raw": "!"}', "json: cannot unmarshal string into Go struct field Inner.Inside."),
        ('{"Raw": "!", "Inside": 1}', "illegal base64 data at input byte 0"),
        ('{"Tags": [1, {}]}', "json: cannot unmarshal number into Go struct field Outer.Tags of type string"),
        ('{"Name": 1, "Wait": "x"}', 'time: invalid duration "x"'),
        ('{"Name": 1, "Wait": null}', 'strconv.ParseFloat: parsing "null": invalid syntax'),
        ('{"Name": 1, "Own": {"Text": 1, "On": "x"}}', "json: cannot unmarshal number into Go struct field Outer.Own."),
        ('{"Name": 1, "Own": {"Nope": 1}}', "json: cannot unmarshal number into Go struct field Outer.Name of type"),
        (
            '{"Own": {"Beside": 1}, "Wait": "y"}',
            "json: cannot unmarshal number into Go struct field Outer.Own.Beside",
        ),
        (
            '{"Free": [1e400], "Name": 1}',
            "json: cannot unmarshal number 1e400 into Go struct field Outer.Free of",
        ),
    ],
)
def test_of_several_faults_the_first_is_told_but_a_decoder_of_its_own_ends_all(body: str, text: str) -> None:
    """Go keeps the first fault and reads on, until a type that reads itself refuses what it was given."""
    with pytest.raises(ValueError) as refused:
        decode(body)
    assert str(refused.value).startswith(text)


def test_a_list_of_structs_is_read_like_one() -> None:
    """None for null; the fault of an element that is no struct has no place."""
    assert godecode.into_list(None, Inner, "structs.Inners") == []
    assert godecode.into_list([{"Port": 1}, None], Inner, "structs.Inners") == [Inner(1), Inner()]
    with pytest.raises(ValueError, match=r"^json: cannot unmarshal string into Go value of type structs.Inners$"):
        godecode.into_list("x", Inner, "structs.Inners")
    with pytest.raises(ValueError, match=r"^json: cannot unmarshal bool into Go value of type structs.Inner$"):
        godecode.into_list([True, {"Port": "x"}], Inner, "structs.Inners")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "EOF"),
        ("  ", "EOF"),
        ("{", "unexpected EOF"),
        ('{"a"', "unexpected EOF"),
        ("nope", "invalid character 'o' in literal null (expecting 'u')"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ("{x", "invalid character 'x' looking for beginning of object key string"),
        ('{"a" 1', "invalid character '1' after object key"),
        ('{"a": 1 "b"', "invalid character '\"' after object key:value pair"),
        ("[1 2", "invalid character '2' after array element"),
        ('"a\nb"', "invalid character '\\n' in string literal"),
        ('"\\q"', "invalid character 'q' in string escape code"),
        ("'", r"invalid character '\'' looking for beginning of value"),
        ("{ÿ", "invalid character 'Ã' looking for beginning of object key string"),
    ],
)
def test_malformed_json_is_refused_in_the_words_of_gos_scanner(text: str, error: str) -> None:
    """The texts that clients of Consul see."""
    with pytest.raises(ValueError) as refused:
        godecode.parse(text.encode())
    assert str(refused.value) == error


def test_what_follows_the_first_value_is_not_looked_at() -> None:
    """Go's stream decoder takes one value and is content."""
    assert godecode.parse(b'{"a": 1} trailing') == {"a": 1}


def test_deep_nesting_ends_in_an_error_and_not_in_a_crash() -> None:
    """A hundred thousand brackets are refused."""
    with pytest.raises(ValueError):
        godecode.parse(b"[" * 100_000)


@given(st.binary(max_size=40))
def test_any_bytes_give_a_value_or_an_error(data: bytes) -> None:
    """No input does anything else."""
    try:
        godecode.parse(data)
    except ValueError as error:
        assert str(error)
