"""Go templates: a text or one of the template errors, within the limits of depth, time and size."""

from __future__ import annotations

from pyconsul.lang.gotemplate import Template, TemplateError
from pyconsul.lang.strconv import from_bytes

SEEDS = [
    b'{{ range $i, $v := .list }}{{ if gt $i 0 }}, {{ else }}{{ break }}{{ end }}{{ $v | printf "%q" }}{{ end }}',
    b"{{- with .map.a -}} {{ .b.c }} {{- else with .n }}{{ . }}{{ end -}}{{/* note */}}{{ index .list 1 | len }}",
    b'{{ define "x" }}{{ . }}{{ end }}{{ template "x" .s }}{{ block "y" . }}{{ .s }}{{ end }}{{ `raw` }}{{ 0x1p4 }}',
    b"{{ $x := 'a' }}{{ $x = 3 }}{{ and 1 (or 0 $x) | not }}{{ range 3 }}{{ continue }}{{ end }}{{ slice .s 1 2 }}",
    b'{{ printf "%v %+d %08.3f %-5s|%x %T" .map 5 1.5 .s .s .list }}{{ html "<" }}{{ js "\'" }}{{ urlquery "a b" }}',
]
TOKENS = [
    b"{{",
    b"}}",
    b"{{-",
    b"-}}",
    b"end",
    b"else",
    b"range",
    b"define",
    b"|",
    b"(",
    b")",
    b".",
    b"$",
    b":=",
    b",",
    b'"',
    b"`",
    b"'",
    b"\\u",
    b"nil",
    b"1e",
    b"%*d",
    b"/*",
    b"*/",
]
DATA = {"list": ["a", "b"], "map": {"a": {"b": {"c": 1}}}, "n": 7, "s": "text"}


def run(data: bytes) -> None:
    """Parse, and execute what can be parsed."""
    try:
        result = Template(from_bytes(data)).execute(DATA)
    except TemplateError as error:
        assert str(error)
    else:
        assert isinstance(result, str)
