"""Go's template language: what templates give, and what they complain about."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.lang.gotemplate import ExecError, Function, FunctionError, ParseError, Template, signature
from pyconsul.lang.gotemplate.values import Channel, Field, Int64, Map, NilPointer, Slice, Struct, strings


class Pet(Struct):
    """A struct with a method, as templates meet them."""

    go_type = "zoo.Pet"
    fields = (Field("Name", "string"), Field("Age", "int"), Field("Friend", "*zoo.Pet"))


def _greets(pet: Any, whom: str) -> str:
    return f"{pet.Name} greets {whom}"


Pet.methods = {"Greets": signature("string", _greets)}


def _join(separator: str, items: list[str]) -> str:
    return separator.join(items)


def _indent(blanks: int, text: str) -> str:
    return " " * blanks + text


def _fails(message: str) -> Any:
    raise FunctionError(message)


def _count(end: int) -> Channel:
    return Channel("<-chan int", iter(range(end)))


def _breaks() -> Any:
    raise KeyError("x")


FUNCTIONS: dict[str, Function] = {
    "upper": signature("string", str.upper),
    "join": signature("string, []string", _join),
    "list": signature("...any", lambda *items: list(items)),
    "texts": signature("...string", lambda *items: strings(items)),
    "indent": signature("int, string", _indent),
    "long": signature("int -> any", Int64),
    "fails": signature("string", _fails),
    "count": signature("int", _count),
    "nothing": signature("-> any", lambda: None),
}
DATA: dict[str, Any] = {
    "name": "web",
    "ports": [80, 443],
    "meta": {"b": 1, "a": {"deep": True}},
    "none": None,
    "pet": Pet(Name="Rex", Age=3, Friend=NilPointer("*zoo.Pet")),
    "labels": Map("map[string]string", {"x": "y"}),
}


def shown(text: str, **options: Any) -> str:
    """The text a template gives for the data."""
    chosen: dict[str, Any] = {"missing_key": "zero", **options}
    return Template(text, FUNCTIONS, **chosen).execute(DATA)


OUTPUTS = [
    ("plain", "plain"),
    ("{{ .name }}-{{ $.name }}", "web-web"),
    ("a {{- 1 -}} b", "a1b"),
    ("{{/* nothing */}}x{{- /* trim */ -}} y", "xy"),
    ("{{ if .none }}a{{ else if .ports }}b{{ else }}c{{ end }}", "b"),
    ("{{ with .none }}a{{ else with .name }}{{ . }}{{ end }}", "web"),
    ("{{ range .ports }}[{{ . }}]{{ end }}", "[80][443]"),
    ("{{ range $i, $p := .ports }}{{ $i }}={{ $p }};{{ end }}", "0=80;1=443;"),
    ("{{ range $k, $v := .labels }}{{ $k }}{{ $v }}{{ else }}none{{ end }}", "xy"),
    ("{{ range .none }}x{{ else }}none{{ end }}", "none"),
    ("{{ range 3 }}{{ . }}{{ end }}{{ range count 2 }}c{{ . }}{{ end }}", "012c0c1"),
    ("{{ range 9 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if gt . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}", "023"),
    ("{{ $x := 1 }}{{ range .ports }}{{ $x = . }}{{ end }}{{ $x }}", "443"),
    ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"),
    ("{{ $x := 9 }}{{ if .none }}{{ $x := 1 }}{{ else }}{{ $x }}{{ $x = 2 }}{{ end }}{{ $x }}", "92"),
    ("{{ $x := 9 }}{{ with .none }}{{ $x := 1 }}{{ else with $x }}{{ . }}{{ end }}", "9"),
    ("{{ with $x := .none }}{{ $x := 1 }}{{ else }}{{ $x }}{{ end }}", "<no value>"),
    ("{{ $i := 7 }}{{ $v := 8 }}{{ range $i, $v = .ports }}{{ end }}{{ $i }} {{ $v }}", "1 443"),
    ('{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" .name }}{{ template "t" }}', "<web><<no value>>"),
    ('{{ block "b" 5 }}[{{ . }}]{{ end }}{{ template "b" 6 }}', "[5][6]"),
    ('{{ template "later" }}{{ define "later" }}ok{{ end }}', "ok"),
    ('{{ "a" | upper | printf "%s%s" "x" }}', "xA"),
    ('{{ (index .ports 1) }} {{ index .meta "a" "deep" }} {{ slice .name 1 }} {{ len .ports }}', "443 true eb 2"),
    (
        "{{ .meta.a.deep }} {{ .meta }} {{ .absent }} {{ .none }}",
        "true map[a:map[deep:true] b:1] <no value> <no value>",
    ),
    ("{{ (nothing).x }} {{ $n := nothing }}{{ $n.x }}", "<no value> <no value>"),
    ('{{ .labels.x }}|{{ .labels.nope }}|{{ index .labels "nope" }}', "y||"),
    ("{{ and 1 0 2 }}{{ or 0 3 (fails `x`) }}{{ not .none }}", "03true"),
    (
        "{{ .pet.Name }} {{ .pet.Greets `you` }} {{ `me` | .pet.Greets }} {{ .pet.Friend }}",
        "Rex Rex greets you Rex greets me <nil>",
    ),
    (
        "{{ eq 1 2 1 }}{{ ne `a` `b` }}{{ lt 1 2 }}{{ le 2 2 }}{{ gt 1.5 1.0 }}{{ ge `b` `a` }}",
        "truetruetruetruetruetrue",
    ),
    ("{{ eq .none nil }} {{ eq (long 5) 5 }}", "true true"),
    ("{{ 0x10 }} {{ 1_000 }} {{ 'a' }} {{ 1.0 }} {{ 1e3 }} {{ 1i }} {{ `r\\n` }}", "16 1000 97 1 1000 (0+1i) r\\n"),
    (
        "{{ html `<a&\"'>` }} {{ js `it's <b>` }} {{ urlquery `a b&é` }}",
        "&lt;a&amp;&#34;&#39;&gt; it\\'s \\u003Cb\\u003E a+b%26%C3%A9",
    ),
    ("{{ print 1 2 `a` `b` 3 }}|{{ println 1 `a` }}", "1 2ab3|1 a\n"),
]


@pytest.mark.parametrize(("text", "wanted"), OUTPUTS, ids=[text for text, _ in OUTPUTS])
def test_a_template_gives_what_go_gives(text: str, wanted: str) -> None:
    """Actions, blocks, pipelines, values and built-in functions behave as in Go."""
    assert shown(text) == wanted


def test_delimiters_can_be_chosen() -> None:
    """Other delimiters leave the standard ones alone."""
    assert shown("<< .name >>{{ .name }}<<- 1 >>", left="<<", right=">>") == "web{{ .name }}1"


PARSE_ERRORS = [
    ("{{ nosuch }}", ':1: function "nosuch" not defined'),
    ("{{ if }}x{{ end }}", ":1: missing value for if"),
    ("{{ if 1 }}", ":1: unexpected EOF"),
    ("a\n{{ end }}", ":2: unexpected {{end}}"),
    ("{{ else }}", ":1: unexpected {{else}}"),
    ("{{ break }}", ":1: {{break}} outside {{range}}"),
    ("{{ $x }}", ':1: undefined variable "$x"'),
    ("{{ 1 | 2 }}", ":1: non executable command in pipeline stage 2"),
    ('{{ "a }}', ":1: unterminated quoted string"),
    ("{{ 'ab }}", ":1: unterminated character constant"),
    ("{{ `a }}", ":1: unterminated raw quoted string"),
    ("{{/* x", ":1: unclosed comment"),
    ("{{ if 1 }}\n{{/* x", ":2: unclosed comment in action started at :1"),
    ("{{ define `d` }}\n{{/* x", ":2: unclosed comment"),
    ("{{ block `b` 1 }}\n{{/* x", ":2: unclosed comment"),
    ('x {{ "a"\n', ":2: unclosed action started at :1"),
    ("{{ (1 }}", ":1: unclosed left paren"),
    ("{{ 1) }}", ":1: unexpected right paren"),
    ("{{ 1x }}", ':1: bad number syntax: "1x"'),
    ("{{ 99999999999999999999 }}", ':1: integer overflow: "99999999999999999999"'),
    ("{{ a ~ b }}", ':1: function "a" not defined'),
    ("{{ \x01 }}", ":1: unrecognized character in action: U+0001"),
    ("{{ .a..b }}", ":1: unexpected <.> in operand"),
    ("{{ 5.x }}", ':1: bad number syntax: "5.x"'),
    ('{{ "a".b }}', ':1: unexpected . after term "\\"a\\""'),
    ("{{ $a, $b := 1 }}", ":1: too many declarations in command"),
    ("{{ range $a, 1 := 1 }}{{ end }}", ":1: range can only initialize variables"),
    ('{{ define "t" }}1{{ end }}{{ define "t" }}2{{ end }}', ':1: template: multiple definition of template "t"'),
    ("{{ if 1 }}{{ else }}{{ else }}{{ end }}", ":1: expected end; found {{else}}"),
    ("{{ template 1 }}", ':1: unexpected "1" in template clause'),
]


@pytest.mark.parametrize(("text", "message"), PARSE_ERRORS, ids=[repr(text) for text, _ in PARSE_ERRORS])
def test_wrong_syntax_is_told_in_gos_words(text: str, message: str) -> None:
    """Parse errors carry the line and Go's sentence."""
    with pytest.raises(ParseError) as caught:
        shown(text)
    assert str(caught.value) == f"template: {message}"


RUN_ERRORS = [
    ("{{ upper 5 }}", "1:9", "5", "expected string; found 5"),
    ("{{ .none | upper }}", "1:11", "upper", "invalid value; expected string"),
    ("{{ upper .none }}", "1:9", ".none", "wrong type for value; expected string; got interface {}"),
    ("{{ upper (long 1) }}", "1:15", "1", "wrong type for value; expected string; got int64"),
    ("{{ list 1 | join `,` }}", "1:17", "`,`", "wrong type for value; expected []string; got []interface {}"),
    ("{{ upper }}", "1:3", "upper", "wrong number of args for upper: want 1 got 0"),
    ("{{ printf }}", "1:3", "printf", "wrong number of args for printf: want at least 1 got 0"),
    ("{{ nil }}", "1:3", "nil", "nil is not a command"),
    ("{{ indent nil `x` }}", "1:10", "nil", "cannot assign nil to int"),
    ("{{ 1 2 }}", "1:3", "1", "can't give argument to non-function 1"),
    ("{{ $y := 1 }}{{ $y 1 }}", "1:16", "$y", "can't give argument to non-function $y"),
    ("{{ $x = $x 1 }}", "1:8", "$x", "undefined variable: $x"),
    ("{{ .name.x }}", "1:8", ".name.x", "can't evaluate field x in type interface {}"),
    ("{{ $x := `t` }}{{ $x.f }}", "1:20", "$x.f", "can't evaluate field f in type string"),
    ("{{ .none.x }}", "1:8", ".none.x", "nil pointer evaluating interface {}.x"),
    ("{{ nothing.x }}", "1:3", "nothing", "nil pointer evaluating interface {}.x"),
    ("{{ .pet.Nope }}", "1:7", ".pet.Nope", "can't evaluate field Nope in type interface {}"),
    ("{{ .pet.Friend.Name }}", "1:7", ".pet.Friend.Name", "nil pointer evaluating *zoo.Pet.Name"),
    ("{{ .meta.b 1 }}", "1:8", ".meta.b", "b is not a method but has arguments"),
    ("{{ .pet.Name 1 }}", "1:7", ".pet.Name", "Name has arguments but cannot be invoked as function"),
    ("{{ range 3.5 }}{{ end }}", "1:9", "3.5", "range can't iterate over 3.5"),
    ("{{ $x = 1 }}", "1:8", "1", "undefined variable: $x"),
    ("{{ if .none }}{{ $x := 1 }}{{ else }}{{ $x }}{{ end }}", "1:40", "$x", "undefined variable: $x"),
    ("{{ if .none }}{{ $x := 1 }}{{ else }}{{ $x = 2 }}{{ end }}", "1:45", "2", "undefined variable: $x"),
    ("{{ or 1 ($x := 2) }}{{ $x }}", "1:23", "$x", "undefined variable: $x"),
    ("{{ range $x := .ports }}{{ $x = 3 }}{{ $x.f }}{{ end }}", "1:41", "$x.f", "can't evaluate field f in type int"),
    ('{{ template "no" }}', "1:12", '{{template "no"}}', 'template "no" not defined'),
    ("{{ fails `oops` }}", "1:3", "fails `oops`", "error calling fails: oops"),
    ("{{ eq 1 1.0 }}", "1:3", "eq 1 1.0", "error calling eq: incompatible types for comparison: int and float64"),
    ("{{ lt 1 nil }}", "1:3", "lt 1 nil", "error calling lt: invalid type for comparison"),
    ("{{ eq }}", "1:3", "eq", "wrong number of args for eq: want at least 1 got 0"),
    ("{{ index .ports 9 }}", "1:3", "index .ports 9", "error calling index: index out of range: 9"),
    ("{{ index .ports 2 }}", "1:3", "index .ports 2", "error calling index: reflect: slice index out of range"),
    ("{{ slice .name 2 1 }}", "1:3", "slice .name 2 1", "error calling slice: invalid slice index: 2 > 1"),
    ("{{ len 3 }}", "1:3", "len 3", "error calling len: len of type int"),
    ("{{ call `x` }}", "1:3", "call `x`", "error calling call: non-function `x` of type string"),
    ("é{{ upper 5 }}", "1:11", "5", "expected string; found 5"),
    ("\n\n  {{ upper 5 }}", "3:11", "5", "expected string; found 5"),
]


@pytest.mark.parametrize(("text", "place", "part", "message"), RUN_ERRORS, ids=[text for text, *_ in RUN_ERRORS])
def test_failures_name_line_column_and_part(text: str, place: str, part: str, message: str) -> None:
    """Errors of a running template say where, at which part, and why, as Go does."""
    with pytest.raises(ExecError) as caught:
        shown(text)
    assert str(caught.value) == f'template: :{place}: executing "" at <{part}>: {message}'


def test_a_missing_key_may_be_an_error() -> None:
    """With missing_key="error" an absent entry ends the template, but not through index."""
    with pytest.raises(ExecError, match='map has no entry for key "absent"'):
        shown("{{ .absent }}", missing_key="error")
    assert shown('{{ index .meta "absent" }}', missing_key="error") == "<no value>"


def test_templates_may_call_themselves_a_hundred_thousand_times_and_no_more() -> None:
    """Recursion ends with Go's message, not with a crash of the interpreter."""
    with pytest.raises(ExecError, match=r"exceeded maximum template depth \(100000\)"):
        shown('{{ define "t" }}{{ if true }}{{ template "t" }}{{ end }}{{ end }}{{ template "t" }}')


def test_parentheses_nest_up_to_a_limit() -> None:
    """Ten thousand parentheses are read, one more is an error."""
    assert shown("{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}") == "1"
    with pytest.raises(ParseError, match="max expression depth exceeded"):
        shown("{{ " + "(" * 10001 + "1" + ")" * 10001 + " }}")


def test_blocks_nest_up_to_a_limit() -> None:
    """Blocks inside of blocks are bounded as well."""
    with pytest.raises(ParseError, match="max block depth exceeded"):
        shown("{{ if 1 }}" * 10001)


def test_a_function_that_breaks_is_an_error_of_the_template() -> None:
    """An exception of any kind inside a function is reported like a panic in Go."""
    broken = {"broken": signature("", _breaks)}
    with pytest.raises(ExecError, match="error calling broken: runtime error"):
        Template("{{ broken }}", broken).execute()


def test_a_channel_cannot_be_printed() -> None:
    """Channels and functions have no text."""
    with pytest.raises(ExecError, match=r"can't print {{count 1}} of type <-chan int"):
        shown("{{ count 1 }}")


def test_named_templates_can_be_executed_from_outside() -> None:
    """A template that the text defines runs by itself; an unknown name is an error."""
    made = Template('{{ define "t" }}[{{ . }}]{{ end }}')
    assert made.execute_named("t", 5) == "[5]"
    with pytest.raises(ExecError, match='no template "u" associated with template ""'):
        made.execute_named("u")


def test_slices_keep_their_type() -> None:
    """A cut slice of texts still goes where texts are wanted."""
    assert Template("{{ join `,` (slice . 1) }}", FUNCTIONS).execute(Slice("[]string", ["a", "b", "c"])) == "b,c"


def test_variables_of_a_called_template_are_not_taken_for_those_of_a_loop_around_it() -> None:
    """A loop's variable is of interface type, and messages show that; the other one stands in the same slot."""
    with pytest.raises(ExecError, match=r"can't evaluate field f in type int$"):
        shown('{{ define "t" }}{{ $x := 3 }}{{ $x.f }}{{ end }}{{ range $v := .ports }}{{ template "t" }}{{ end }}')
