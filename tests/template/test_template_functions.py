"""Every template function: one row (or more) each, with the results the original gives."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from pyconsul.lang.gotemplate import ExecError, Template
from pyconsul.lang.gotemplate.values import strings
from pyconsul_template.dependencies.health import HealthService
from pyconsul_template.dependencies.models import CatalogSnippet, KeyPair, pointers, sorted_tags
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.functions.registry import GROUPS, load

TABLE = load()


def shown(text: str, data: Any = None, environment: dict[str, str] | None = None) -> str:
    """What a template with all functions gives for the data, without any server."""
    made = Template(text, TABLE, missing_key="zero")
    run = Execution(lambda _dependency: ABSENT, environment or {}, execute_named=made.execute_named)
    return made.execute(data, run)


ROWS = [
    ('{{ base64Encode "hi?>" }} {{ base64Decode "aGk/Pg==" }} {{ base64URLEncode "hi?>" }} {{ base64URLDecode "aGk_Pg==" }}', "aGk/Pg== hi?> aGk_Pg== hi?>"),
    ('{{ "abc" | contains "b" }} {{ in (sprig_list 1 2) 2 }} {{ containsAll (sprig_list "a") "abc" }} {{ containsAny (sprig_list "x") "abc" }} {{ containsNone (sprig_list "x") "abc" }} {{ containsNotAll (sprig_list "x") "abc" }}', "true true true false true true"),
    ('{{ explodeMap (sprig_dict "a/b" 1) | toJSON }} {{ mergeMap (sprig_dict "a" 1) (sprig_dict "a" 2 "b" 3) | toJSON }} {{ mergeMapWithOverride (sprig_dict "a" 1) (sprig_dict "a" 2) | toJSON }}', '{"a":{"b":1}} {"a":1,"b":3} {"a":2}'),
    ('{{ indent 2 "a\\n\\nb" }}|{{ split "," "a,b" | join "-" }}|{{ splitToMap "," ":" "a:1,b" }}', "  a\n\n  b|a-b|map[a:1]"),
    ("{{ range loop 2 }}{{ . }}{{ end }}{{ range loop 5 7 }}{{ . }}{{ end }}", "0156"),
    ('{{ trim "x" "xax" }}{{ trimPrefix "p" "pq" }}{{ trimSuffix "q" "pq" }}[{{ trimSpace " a " }}]', "aqp[a]"),
    ('{{ toLower "ÄB" }} {{ toUpper "ßb" }} {{ toTitle "one two-three o\'neil" }}', "äb ßB One Two-Three O'neil"),
    ('{{ replaceAll "a" "b" "banana" }} {{ regexReplaceAll "(a)(n)" "$2$1" "banana" }} {{ regexMatch "^b" "banana" }}', "bbnbnb bnanaa true"),
    ('{{ parseBool "t" }} {{ parseInt "-3" }} {{ parseUint "3" }} {{ parseFloat "1.50" }} {{ parseInt "" }}', "true -3 3 1.5 0"),
    ('{{ (parseJSON "{\\"a\\":[1,null]}").a }} {{ (parseYAML "a: [1, two]").a }}', "[1 <nil>] [1 two]"),
    ('{{ toJSON "<a>" }} {{ toUnescapedJSON "<a>" }} {{ toJSONPretty (sprig_list 1) }} {{ toUnescapedJSONPretty (sprig_dict "a" "<") }}', '"\\u003ca\\u003e" "<a>" [\n  1\n] {\n  "a": "<"\n}'),
    ('{{ toYAML (sprig_dict "a" (sprig_list 1 "yes")) }}|{{ toTOML (sprig_dict "a" 1.0 "t" (sprig_dict "b" "x")) }}', 'a:\n- 1\n- "yes"|a = 1.0\n\n[t]\n  b = "x"'),
    ('{{ sha256Hex "" }} {{ md5sum "" }} {{ hmacSHA256Hex "m" "k" }}', "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 d41d8cd98f00b204e9800998ecf8427e b60090e3052297aeb5a080889ce2fc4bca957e756faeb4df7d31800ca1e771ec"),
    ("{{ add 1 2 }} {{ 5 | subtract 2 }} {{ multiply 2 1.5 }} {{ divide 2 -7 }} {{ modulo 3 -7 }} {{ minimum 1 2 }} {{ maximum 1 2.5 }}", "3 3 3 -3 -1 1 2.5"),
    ('{{ scratch.Set "a" 1 }}{{ scratch.SetX "a" 2 }}{{ scratch.Get "a" }}{{ scratch.Key "b" }}{{ scratch.MapSet "m" "k" 1 }}{{ scratch.MapSetX "m" "k" 2 }}{{ scratch.MapValues "m" }}', "1false[1]"),
    ('{{ define "t" }}<{{ . }}>{{ end }}{{ executeTemplate "t" 5 }}', "<5>"),
    ('{{ spew_sdump "a" 1 }}{{ spew_sprintf "%#v %v" (sprig_list 1) 2 }}', '(string) (len=1) "a"\n(int) 1\n([]interface {})[(int)1] 2'),
    ('{{ timestamp "unix" | regexMatch "^[0-9]+$" }} {{ timestamp "MST" }}', "true UTC"),
    ('{{ plugin "echo" "a" " " }}', "a"),
    ("{{ key `a` }}{{ keyExists `a` }}{{ keyOrDefault `a` `d` }}{{ ls `a` }}{{ safeLs `a` }}{{ tree `a` }}{{ safeTree `a` }}", "falsed[][][][]"),
    ("{{ service `a` }}{{ services }}{{ node }}{{ nodes }}{{ connect `a` }}{{ caRoots }}{{ caLeaf `a` }}{{ datacenters }}", "[][]<no value>[][][]<no value>[]"),
    ("{{ peerings }}{{ exportedServices }}{{ importedServices `p` }}{{ partitions }}{{ file `x` }}", "[][][][]"),
    ("{{ secret `a/b` }}{{ secrets `a` }}{{ pkiCert `a` }}", "<no value>[]<no value>"),
    ("{{ nomadServices }}{{ nomadService `a` }}{{ nomadVar `a` }}{{ nomadVarExists `a` }}{{ nomadVarList }}{{ nomadVarListSafe }}", "[][]map[]false[][]"),
    ("{{ sprig_upper `a` }}{{ sprig_lower `B` }}{{ sprig_title `ab cd` }}{{ sprig_untitle `Ab` }}{{ sprig_swapcase `aB` }}", "AbAb CdabAb"),
    ("{{ sprig_snakecase `HTTPStatus200OK` }} {{ sprig_kebabcase `fooBar` }} {{ sprig_camelcase `foo_bar` }} {{ sprig_initials `a b` }}", "http_status200_ok foo-bar FooBar ab"),
    ("{{ sprig_abbrev 5 `abcdefgh` }} {{ sprig_abbrevboth 5 10 `1234 5678 9123` }} {{ sprig_trunc -2 `abc` }} {{ sprig_substr 1 2 `abc` }} {{ sprig_wrap 3 `a b c d` }}", "ab... ...5678... bc b a b\nc d"),
    ("{{ sprig_repeat 2 `a` }}{{ sprig_cat `a` 1 }}{{ sprig_quote `a` }}{{ sprig_squote `a` }}{{ sprig_indent 1 `a` }}{{ sprig_nindent 1 `a` }}{{ sprig_plural `1` `n` 2 }}", "aaa 1\"a\"'a' a\n an"),
    ("{{ sprig_list 1 2 | sprig_first }}{{ sprig_last (sprig_list 1 2) }}{{ sprig_rest (sprig_list 1 2) }}{{ sprig_uniq (sprig_list 1 1) }}{{ sprig_has 1 (sprig_list 1) }}{{ sprig_chunk 1 (sprig_list 1 2) }}", "12[2][1]true[[1] [2]]"),
    ("{{ sprig_dig `a` `b` 0 (sprig_dict `a` (sprig_dict `b` 1)) }}{{ sprig_keys (sprig_dict `a` 1) }}{{ sprig_omit (sprig_dict `a` 1) `a` }}{{ sprig_pluck `a` (sprig_dict `a` 1) }}", "1[a]map[][1]"),
    ("{{ sprig_add 1 `2` }} {{ sprig_divf 1 3 }} {{ sprig_round 2.5 0 }} {{ sprig_until 3 }} {{ sprig_seq 1 3 }} {{ sprig_int `0x10` }} {{ sprig_max 1 5 }}", "3 0.3333333333333333 3 [0 1 2] 1 2 3 16 5"),
    ("{{ sprig_default 1 0 }}{{ sprig_coalesce 0 2 }}{{ sprig_ternary 1 2 true }}{{ sprig_empty `` }}{{ sprig_kindOf 1 }}{{ sprig_typeOf `` }}{{ sprig_deepEqual 1 1 }}", "121trueintstringtrue"),
    ("{{ sprig_regexFind `a.` `xab` }} {{ sprig_regexSplit `,` `a,b` -1 }} {{ sprig_regexReplaceAll `a` `ab` `$0$0` }} {{ sprig_regexQuoteMeta `a.b` }}", "ab [a b] aab a\\.b"),
    ("{{ sprig_base `a/b.c` }} {{ sprig_dir `a/b` }} {{ sprig_ext `a.b` }} {{ sprig_clean `a/../b` }} {{ (sprig_urlParse `http://h:1/p?q#f`).host }}", "b.c a .b b h:1"),
    ("{{ sprig_semverCompare `^1.2` `1.9.0` }} {{ (sprig_semver `1.2.3`).Minor }} {{ sprig_durationRound `49h` }} {{ sprig_duration `61` }}", "true 2 2d 1m1s"),
    ("{{ sprig_b64enc `a` }} {{ sprig_b32dec `ME======` }} {{ sprig_sha1sum `` }} {{ sprig_adler32sum `abc` }}", "YQ== a da39a3ee5e6b4b0d3255bfef95601890afd80709 38600999"),
    ("{{ sprig_derivePassword 1 `long` `password` `user` `example.com` }}", "ZedaFaxcZaso9*"),
    ("{{ sprig_htpasswd `u` `p` | len }} {{ sprig_decryptAES `k` (sprig_encryptAES `k` `text`) }}", "62 text"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), ROWS, ids=[text[:60] for text, _ in ROWS])
def test_functions_give_what_the_original_gives(text: str, wanted: str) -> None:
    """Results are exact, byte for byte."""
    assert shown(text) == wanted


def test_a_pointer_is_shown_as_what_it_points_to() -> None:
    """Where a template prints it, not where fmt does."""
    snippet = CatalogSnippet(Name="n", Tags=sorted_tags(["t"]))
    assert shown("{{ . }} {{ html . }} {{ print . }}", snippet) == "{n [t]} {n [t]} &{n [t]}"


def test_checks_know_their_common_state() -> None:
    """The worst one counts."""
    checks = [{"CheckID": "a", "Status": "passing"}, {"CheckID": "b", "Status": "warning"}]
    entry = {"Node": {"Node": "n", "Address": "a"}, "Service": {"ID": "i", "Service": "s"}, "Checks": checks}
    assert shown("{{ .Checks.AggregatedStatus }}", HealthService.of(entry, "passing")) == "warning"


ERRORS = [
    ('{{ define "t" }}{{ executeTemplate "t" }}{{ end }}{{ executeTemplate "t" }}', "executeTemplate: exceeded maximum template depth (1000)"),
    ('{{ mustEnv "NOT_SET_AT_ALL" }}', "required environment variable NOT_SET_AT_ALL is empty"),
    ('{{ base64Decode "a!" }}', "base64Decode: illegal base64 data at input byte 1"),
    ('{{ parseInt "x" }}', 'parseInt: strconv.ParseInt: parsing "x": invalid syntax'),
    ('{{ parseJSON "[1" }}', "unexpected end of JSON input"),
    ('{{ parseJSON "{a}" }}', "invalid character 'a' looking for beginning of object key string"),
    ('{{ parseYAML "a: [1" }}', "yaml: line 1: did not find expected ',' or ']'"),
    ('{{ regexMatch "(" "x" }}', "error parsing regexp: missing closing ): `(`"),
    ('{{ regexMatch "(?i)a(?=b)" "x" }}', "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
    ('{{ add "1" 2 }}', 'add: unknown type for "1" (string)'),
    ("{{ divide 0 5 }}", "runtime error: integer divide by zero"),
    ("{{ loop 1.5 }}", "loop: bad argument type: float64"),
    ('{{ byTag "x" }}', "byTag: wrong argument type string"),
    ('{{ key "a@b@c" }}', 'kv.get: invalid format: "a@b@c"'),
    ('{{ service "a|zz" }}', 'health.service: invalid filter: "zz" in "a|zz"'),
    ('{{ sprig_fail "no" }}', "no"),
    ('{{ toJSON (parseYAML "1: 2") }}', "toJSON: json: unsupported type: map[interface {}]interface {}"),
    ('{{ plugin "sh" "-c" "exit 3" }}', "exit status 3"),
    ('{{ sprig_first 5 }}', "Cannot find first on type int"),
    ('{{ scratch.Set "s" 1 }}{{ scratch.MapSet "s" "k" 1 }}', '"s" is not a map'),
    ('{{ secret "a" "b" }}', 'not k=v pair "b"'),
    ("{{ nomadService 1 }}", "expected string for <service> argument"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), ERRORS, ids=[text for text, _ in ERRORS])
def test_functions_complain_in_the_originals_words(text: str, message: str) -> None:
    """A wrong argument is reported with the original's sentence."""
    with pytest.raises(ExecError, match=re.escape(message)):
        shown(text)


def test_every_function_has_a_group_and_a_docstring() -> None:
    """The table holds all functions of all groups, each documented."""
    assert len(TABLE) > 280
    assert len(set(GROUPS)) == len(GROUPS)
    undocumented = [n for n, f in TABLE.items() if not f.call.__doc__ and "<lambda>" not in f.call.__qualname__]
    assert [n for n in undocumented if not n.startswith(("contains", "sprig_"))] == []


def test_variables_of_the_configuration_come_before_those_of_the_process() -> None:
    """env sees the client settings first."""
    assert shown('{{ env "A" }}{{ envOrDefault "B" "d" }}', environment={"A": "x"}) == "xd"


def _pairs(**values: str) -> Any:
    entry = {"CreateIndex": 1, "ModifyIndex": 2, "LockIndex": 0, "Flags": 0}
    made = [KeyPair(f"root/{key}", key.replace("__", "/"), {**entry, "Value": None}) for key in values]
    for pair, value in zip(made, values.values(), strict=True):
        pair.Value = value
    return pointers("dependency.KeyPair", made)


def test_pairs_are_grouped_and_nested() -> None:
    """byKey and explode turn pairs into maps."""
    pairs = _pairs(a__b="1", a__c="2", d="3")
    assert (
        shown(
            "{{ range $k, $v := byKey . }}{{ $k }}:{{ range $n, $p := $v }}{{ $n }}={{ $p.Value }};{{ end }}{{ end }}",
            pairs,
        )
        == "a:b=1;c=2;"
    )
    assert shown("{{ explode . | toJSON }}", pairs) == '{"a":{"b":"1","c":"2"},"d":"3"}'
    with pytest.raises(ExecError, match='not a map: "a/b": "a" already has value "x"'):
        shown("{{ explode . }}", _pairs(a="x", a__b="1"))


def _instance(name: str, port: int, meta: dict[str, str], tags: list[str]) -> HealthService:
    service = {"ID": name, "Service": "web", "Port": port, "Meta": meta, "Tags": tags, "Address": ""}
    return HealthService.of({"Node": {"Node": "n", "Address": "10.0.0.1"}, "Service": service, "Checks": []}, "passing")


def test_instances_are_grouped_by_tag_port_and_meta() -> None:
    """byTag, byPort and byMeta give maps of lists."""
    web = [_instance("a", 80, {"v": "1", "n": "7"}, ["x", "y"]), _instance("b", 81, {}, ["y"])]
    data = pointers("dependency.HealthService", web)
    listed = "{{ range $k, $v := %s }}{{ $k }}:{{ range $v }}{{ .ID }}{{ end }} {{ end }}"
    assert shown(listed % "byTag .", data) == "x:a y:ab "
    assert shown(listed % "byPort .", data) == "80:a 81:b "
    assert shown(listed % 'byMeta "v,n|int" .', data) == "1_00007:a _no_v__00000:b "
    assert shown("{{ range . }}{{ .Address }} {{ .Tags | join `,` }};{{ end }}", data) == "10.0.0.1 x,y;10.0.0.1 y;"


def test_services_are_grouped_by_tag() -> None:
    """byTag takes the list of services, too."""
    data = pointers("dependency.CatalogSnippet", [CatalogSnippet(Name="web", Tags=sorted_tags(["b", "a"]))])
    assert shown("{{ range $k, $v := byTag . }}{{ $k }}{{ len $v }}{{ end }}", data) == "a1b1"


def test_lists_of_texts_print_like_slices() -> None:
    """A []string prints, joins and becomes JSON."""
    assert shown("{{ . }} {{ join `+` . }} {{ toJSON . }}", strings(["a", "b"])) == '[a b] a+b ["a","b"]'


def test_division_by_zero_of_floats_is_no_error() -> None:
    """IEEE rules hold for floats."""
    assert shown("{{ divide 0.0 1 }} {{ divide . 0.0 }}", math.nan) == "+Inf NaN"


def test_certificates_are_made_and_signed() -> None:
    """An authority signs certificates that name hosts and addresses."""
    text = (
        '{{ $ca := sprig_genCA "root" 1 }}{{ $c := sprig_genSignedCert "host" (sprig_list "127.0.0.1") (sprig_list "h.x") 1 $ca }}'
        '{{ regexMatch "BEGIN CERTIFICATE" $c.Cert }} {{ regexMatch "BEGIN RSA PRIVATE KEY" $c.Key }}'
    )
    assert shown(text) == "true true"
