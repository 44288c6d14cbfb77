"""Odd values in YAML, TOML, JSON and print: what the original renders, and its complaints."""

from __future__ import annotations

import re

import pytest

from pyconsul.lang.gotemplate import ExecError, Template
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.functions.registry import load

pytestmark = pytest.mark.usefixtures("universal_time")

# Each row was rendered by consul-template 0.42.1.
ROWS: list[tuple[str, str]] = [
    ('{{ toYAML (sprig_dict "a" (base64Decode "gP8=")) }}', "a: !!binary gP8="),
    ('{{ toYAML (base64Decode "gP8=") }}', "!!binary gP8="),
    ('{{ toYAML (parseYAML "1: a\\nb: [x]\\n2.5: z\\n-1: q") }}', "-1: q\n1: a\n2.5: z\nb:\n- x"),
    ('{{ toYAML (sprig_dict "a" (sprig_repeat 30 "word ")) }}', "a: 'word word word word word word word word word word word word word word word word\n  word word word word word word word word word word word word word word '"),
    ('{{ toYAML (sprig_list (sprig_repeat 30 "word ")) }}', "- 'word word word word word word word word word word word word word word word word\n  word word word word word word word word word word word word word word '"),
    ('{{ toYAML (sprig_repeat 100 "x") }}', "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ('{{ toYAML (sprig_dict "a" (sprig_repeat 20 "wörd: ")) }}', "a: 'wörd: wörd: wörd: wörd: wörd: wörd: wörd: wörd: wörd: wörd: wörd: wörd: wörd:\n  wörd: wörd: wörd: wörd: wörd: wörd: wörd: '"),
    ('{{ toYAML (sprig_dict (sprig_repeat 140 "k") "v") }}', "? kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\n: v"),
    ('{{ toYAML (sprig_dict (sprig_repeat 40 "k ") "v") }}', "'k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k k ': v"),
    ('{{ toYAML (sprig_dict "q" (print "\'" (sprig_repeat 30 "word "))) }}', "q: '''word word word word word word word word word word word word word word word word\n  word word word word word word word word word word word word word word '"),
    ('{{ toYAML (sprig_dict "q" (print "\\x01" (sprig_repeat 30 "word "))) }}', 'q: "\\x01word word word word word word word word word word word word word word word\n  word word word word word word word word word word word word word word word "'),
    ('{{ toTOML (sprig_dict "a" (sprig_list 1 (sprig_dict "n" nil "x" 1))) }}', "a = [1, {x = 1}]"),
    ('{{ toTOML (sprig_dict "t" (sprig_semver "1.2")) }}', 't = "1.2.0"'),
    ('{{ toTOML (sprig_dict "t" (sprig_toDate "2006" "2020")) }}', "t = 2020-01-01T00:00:00Z"),
    ('{{ toJSON (sprig_dict "t" (sprig_toDate "2006" "2020") "v" (sprig_semver "1.2")) }}', '{"t":"2020-01-01T00:00:00Z","v":"1.2.0"}'),
    ('{{ toYAML (sprig_dict "t" (sprig_toDate "2006" "2020") "v" (sprig_semver "1.2") "m" ((sprig_toDate "2006" "2020").Month) "d" ((sprig_toDate "2006" "2020").Sub (sprig_toDate "2006" "2019"))) }}', "d: 8760h0m0s\nm: 1\nt: 2020-01-01T00:00:00Z\nv: 1.2.0"),
    ('{{ toYAML (sprig_dict "a" "x" "b" (sprig_list (sprig_dict "c" (print (sprig_repeat 25 "abc ") "end")))) }}', "a: x\nb:\n- c: abc abc abc abc abc abc abc abc abc abc abc abc abc abc abc abc abc abc abc abc\n    abc abc abc abc abc end"),
    ('{{ toYAML (sprig_dict "a" (print (sprig_repeat 25 "abc  ") "end")) }}', "a: abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  abc  end"),
    ('{{ toYAML (sprig_dict "a" (print (sprig_repeat 25 "abc, ") "- end\\n x")) }}', "a: |-\n  abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, abc, - end\n   x"),
    ("{{ range loop 3 }}{{ else }}{{ end }}{{ len (loop 4) }}", "0"),
    ("{{ in (sprig_list 1) nil }}", "false"),
    ('{{ toTitle "1st 2nd_x foo_bar 0x1f" }}', "1St 2Nd_x Foo_bar 0X1f"),
    ('{{ printf "%q" (loop 2) | regexMatch "^%!q" }}', "true"),
    ('{{ printf "%#v %d %x" (sprig_semver "1.2.3") (sprig_semver "1.2.3") (sprig_semver "1.2.3") }}', '&semver.Version{major:0x1, minor:0x2, patch:0x3, pre:"", metadata:"", original:"1.2.3"} &{1 2 3 %!d(string=) %!d(string=) %!d(string=1.2.3)} 312e322e33'),
    ('{{ printf "%#v" (sprig_toDate "2006" "2020") }}', "time.Date(2020, time.January, 1, 0, 0, 0, 0, time.Local)"),
    ('{{ toYAML (print "\\x01" (sprig_repeat 20 "wörd  ä ")) }}', '"\\x01wörd  ä wörd  ä wörd  ä wörd  ä wörd  ä wörd  ä wörd  ä wörd  ä wörd  ä wörd\n  \\ ä wörd  ä wörd  ä wörd  ä wörd  ä wörd  ä wörd  ä wörd  ä wörd  ä wörd  ä wörd\n  \\ ä "'),
    ('{{ toYAML (print "😀 é\\"\\\\\\t\\u2028\\u0085 " (sprig_repeat 20 "abc ")) }}', '"\\U0001F600 é\\"\\\\\\t\\L\\N abc abc abc abc abc abc abc abc abc abc abc abc abc abc abc\n  abc abc abc abc abc "'),
    ('{{ toYAML (sprig_dict "k" (sprig_dict "j" (print "😀" (sprig_repeat 20 "  abc ")))) }}', 'k:\n  j: "\\U0001F600  abc   abc   abc   abc   abc   abc   abc   abc   abc   abc   abc\n    \\  abc   abc   abc   abc   abc   abc   abc   abc   abc "'),
    ('{{ toYAML (sprig_dict "" (sprig_list 1) "a" (sprig_dict "" 2)) }}', '"":\n- 1\na:\n  "": 2'),
    ('{{ toTOML (parseJSON `[1,{"b":1,"a":{"x":2},"c":[{"y":1}],"0":5}]`) }}', "[1.0, {0 = 5.0, b = 1.0, a = {x = 2.0}, c = [{y = 1.0}]}]"),
    ('{{ parseYAML "a: &n 1\\nb: &n 2\\nc: *n" }}', "map[a:1 b:2 c:2]"),
    # YAML: tabs between tokens, tags of one's own
    ('{{ parseYAML "a: 1\\t\\nb: [x,\\ty]\\t# c\\nc: d\\te\\n" }}', "map[a:1 b:[x true] c:d\te]"),
    ('{{ parseYAML "a: !own\\nb: !own 5" | printf `%#v` }}', 'map[interface {}]interface {}{"a":"", "b":"5"}'),
    # conversions at their limits
    ('{{ sprig_atoi "9223372036854775808" }} {{ sprig_duration "9223372036854775808" }}', "9223372036854775807 -1s"),
    ('{{ sprig_minf "nan" 1 }} {{ sprig_maxf "nan" "inf" }} {{ sprig_minf 2 1.5 }}', "NaN +Inf 1.5"),
    ('{{ sprig_b32dec "YQ==" }}|{{ sprig_b32dec "ME======" }}|{{ sprig_b32dec "ME=A====" }}', "illegal base32 data at input byte 4|a|illegal base32 data at input byte 2"),
    ('{{ toUpper "\\xffa" | printf "%q" }}{{ sprig_swapcase "\\xffa" | printf "%q" }}', '"\ufffdA""\ufffdA"'),
    ('{{ printf "%1000000000d|" 1 }} {{ printf "%1000001d" 1 | len }} {{ printf "%5.3d" 1 }}', "%!(NOVERB)%!(EXTRA int=1) 1000001   001"),
    # spew hands its values to fmt in a wrapper, which shows where there are too many or too few
    ('{{ spew_sprintf "a" 1 "x" }}', "a%!(EXTRA *spew.formatState=1, *spew.formatState=x)"),
    ('{{ spew_sprintf "%v %d" 1 }} {{ spew_sprintf "100%" }} {{ spew_sprintf "%T" 1 }}', "1 %!d(MISSING) 100%!(NOVERB) *spew.formatState"),
]  # fmt: skip

ERRORS: list[tuple[str, str]] = [
    ("{{ toYAML 1i }}", "cannot marshal type: complex128"),
    ('{{ toTOML (parseYAML "a: 1") }}', "toTOML: toml: cannot encode a map with non-string key type"),
    ('{{ toTOML (sprig_dict "a" (parseYAML "x: 1")) }}', "toTOML: toml: cannot encode a map with non-string key type"),
    ('{{ toTOML (sprig_dict "a" 1i) }}', "toTOML: unsupported type: complex128"),
    ('{{ toTOML (sprig_dict "a" (sprig_dict "b" 1i)) }}', "toTOML: unsupported type: complex128"),
    ('{{ toTOML (sprig_dict "a" (sprig_list 1i)) }}', "toTOML: unsupported type: complex128"),
    ('{{ toTOML (sprig_dict "a" (sprig_list nil)) }}', "toTOML: toml: cannot encode array with nil element"),
    ('{{ in "abc" nil }}', "reflect: call of reflect.Value.Type on zero Value"),
    ('{{ in (sprig_list "a") nil }}', "reflect: call of reflect.Value.Type on zero Value"),
    ('{{ toTOML (parseJSON `[{"b":1,"a":{"x":2},"c":[{"y":1}]}]`) }}', "toTOML: toml: top-level values must be Go maps or structs"),
    ('{{ parseYAML "...\\na: 1" }}', "yaml: did not find expected node content"),
    ('{{ parseYAML "%TAG\\na: b" }}', "yaml: did not find expected '!'"),
    ('{{ parseYAML "\'un\\n...\\n# c" }}', "yaml: line 2: found unexpected document indicator"),
    ('{{ parseYAML "a: \\x01" }}', "yaml: control characters are not allowed"),
    ('{{ parseYAML "\\xff" }}', "yaml: invalid leading UTF-8 octet"),
    ('{{ parseYAML "a: \\xc3" }}', "yaml: incomplete UTF-8 octet sequence"),
    ('{{ parseYAML "a: \\xe2(" }}', "yaml: incomplete UTF-8 octet sequence"),
    ('{{ parseYAML "%YAML 1.2\\n---\\na: 1" }}', "yaml: found incompatible YAML document"),
    ('{{ parseYAML "%YAM*L 1.1\\n---\\na: 1" }}', "yaml: found unexpected non-alphabetical character"),
    ('{{ parseYAML "%*" }}', "yaml: could not find expected directive name"),
    ('{{ parseYAML "%NOPE x\\n---\\na: 1" }}', "yaml: found unknown directive name"),
    ('{{ parseYAML "a: *" }}', "yaml: did not find expected alphabetic or numeric character"),
    ('{{ parseYAML ">x: 1" }}', "yaml: did not find expected comment or line break"),
    ('{{ parseYAML "a: \\"\\\\xZ\\"" }}', "yaml: did not find expected hexdecimal number"),
    ('{{ parseYAML "a: !!binary x" }}', "yaml: !!binary value contains invalid base64 data"),
    ('{{ regexMatch "a\\xffb" "x" }}', "error parsing regexp: invalid UTF-8: `\udcffb`"),
    ('{{ secret "1:2" }}', 'parse "1:2": first path segment in URL cannot contain colon'),
    ('{{ pkiCert "%zz" "a=b" }}', 'parse "%zz": invalid URL escape "%zz"'),
    ('{{ sprig_semver "1.99999999999999999999" }}', 'Error parsing version segment: strconv.ParseUint: parsing "99999999999999999999": value out of range'),
    ('{{ sprig_semverCompare ">99999999999999999999" "1" }}', "constraint Parser Error"),
    ('{{ "x" | call }}', "non-function x of type string"),
    ('{{ 1.5 | call }}', "non-function <float64 Value> of type float64"),
    ('{{ slice (sprig_semver "1.2.3") }}', "can't slice item of type semver.Version"),
    ('{{ sprig_decryptAES "k" "YQ==" }}', "runtime error: slice bounds out of range [:16] with capacity 3"),
]  # fmt: skip


def shown(text: str) -> str:
    """What a template gives."""
    run = Execution(lambda _dependency: ABSENT)
    return Template(text, load(), missing_key="zero").execute(None, run)


@pytest.mark.parametrize(("text", "wanted"), ROWS)
def test_odd_values_are_written_as_by_the_original(text: str, wanted: str) -> None:
    """Bytes, long lines, numbers as keys, versions, times."""
    assert shown(text) == wanted


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_what_cannot_be_written_is_refused(text: str, message: str) -> None:
    """With the original's sentence."""
    with pytest.raises(ExecError, match=re.escape(message) + "$"):
        shown(text)
