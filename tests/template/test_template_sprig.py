"""The functions of the sprig library, group by group: what the original prints, and its complaints."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pyconsul.lang.gotemplate import ExecError, Template
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.functions.registry import load

TABLE = load()
pytestmark = pytest.mark.usefixtures("universal_time")


def shown(text: str, data: Any = None) -> str:
    """What a template gives."""
    return Template(text, TABLE, missing_key="zero").execute(data, Execution(lambda _dependency: ABSENT))


# Each row was rendered by consul-template 0.42.1.
ROWS: dict[str, list[tuple[str, str]]] = {
    "text": [
        ("{{ sprig_hello }}", "Hello!"),
        ('{{ sprig_contains "b" "abc" | print (sprig_contains "x" "abc") }}', "false true"),
        ('{{ print (sprig_hasPrefix "a" "abc") (sprig_hasSuffix "c" "abc") (sprig_hasSuffix "abcd" "abc") }}', "true true false"),
        ('{{ sprig_nospace " a\\tb\\n c " }}', "abc"),
        ('{{ sprig_replace "a" "-" "banana" }}', "b-n-n-"),
        ('{{ print (sprig_trim "\\t x ") "|" (sprig_trimAll "$-" "-$5$-") "|" (sprig_trimall "$" "$5$") "|" (sprig_trimPrefix "-" "-x-") "|" (sprig_trimSuffix "-" "-x-") }}', "x|5|5|x-|-x"),
        ('{{ sprig_wrapWith 5 "\\t" "Hello World abc" }}', "Hello\tWorld\tabc"),
        ("{{ sprig_toString 1.50 }}", "1.5"),
        ('{{ sprig_toStrings (sprig_list 1 2.5 nil "x" true) }}', "[1 2.5 x true]"),
        ("{{ sprig_toStrings 7 }}", "[7]"),
        ('{{ sprig_sortAlpha (sprig_list "b" 10 9 "a") }}', "[10 9 a b]"),
        ('{{ sprig_split "$" "foo$bar$baz" }}', "map[_0:foo _1:bar _2:baz]"),
        ('{{ (sprig_splitn "$" 2 "foo$bar$baz")._1 }}', "bar$baz"),
        ('{{ sprig_splitList "$" "foo$bar$" }}', "[foo bar ]"),
        ('{{ sprig_initials "äb Cd" }}', "ÃC"),
        ('{{ sprig_abbrev 3 "abcdef" }}', "abcdef"),
        ('{{ sprig_trunc -2 "abc" }}', "bc"),
        ('{{ sprig_title "hello wörld o\'neil x-y" }}', "Hello Wörld O'Neil X-Y"),
        ('{{ sprig_nindent 2 "a\\nb" }}', "\n  a\n  b"),
        ('{{ sprig_nospace "häß" }}', "häß"),
        ('{{ sprig_nospace "hä ß" }}', "hÃ¤Ã\x9f"),
        ('{{ sprig_initials "äb Cd ßé" }}', "ÃCÃ"),
        ('{{ sprig_swapcase "ßaBǅﬀ" }}', "ßAbǆﬀ"),
        ('{{ sprig_title "ßa ﬀ éa" }}', "ßa ﬀ Éa"),
        ('{{ sprig_untitle "İa Bc" }}', "ia bc"),
        ('{{ sprig_camelcase "ß*_foo_bar" }}', "ß*FooBar"),
        ('{{ sprig_kebabcase "foo:-_ab] FOO_BAR;0=# 世Aa" }}', "foo:-_ab]-foo-bar;0-=#-世-aa"),
        ('{{ sprig_snakecase "HTTP20xOK=b Bld4Floor3rd ǅa" }}', "http_20x_ok_=_b_bld4_floor_3rd_ǅa"),
        ('{{ toTitle "1st o\'neil 0x1f" }}', "1St O'neil 0X1f"),
    ],
    "lists": [
        ('{{ sprig_append (sprig_list 1) "x" }}', "[1 x]"),
        ("{{ sprig_push (sprig_list 1) 2 }}", "[1 2]"),
        ("{{ sprig_mustAppend (sprig_list) nil }}", "[<nil>]"),
        ("{{ sprig_prepend (sprig_list 1) 0 }}", "[0 1]"),
        ("{{ sprig_mustPrepend (sprig_list) 1 }}", "[1]"),
        ('{{ sprig_concat (sprig_list 1) (sprig_list) (sprig_list "a" nil) }}', "[1 a <nil>]"),
        ("{{ sprig_initial (sprig_list 1 2 3) }}", "[1 2]"),
        ("{{ sprig_initial (sprig_list) }}", "[]"),
        ("{{ sprig_mustInitial (sprig_list 1 2) }}", "[1]"),
        ("{{ sprig_mustFirst (sprig_list 4 5) }}", "4"),
        ("{{ sprig_mustFirst (sprig_list) }}", "<no value>"),
        ("{{ sprig_mustLast (sprig_list 4 5) }}", "5"),
        ("{{ sprig_mustRest (sprig_list 4 5) }}", "[5]"),
        ('{{ sprig_reverse (sprig_list 1 "b" nil) }}', "[<nil> b 1]"),
        ("{{ sprig_mustReverse (sprig_list 1 2) }}", "[2 1]"),
        ('{{ sprig_compact (sprig_list 0 1 "" "a" nil false (sprig_list) (sprig_dict)) }}', "[1 a]"),
        ('{{ sprig_mustCompact (sprig_list 1 "") }}', "[1]"),
        ('{{ sprig_mustUniq (sprig_list 1 1.0 1 "1" (sprig_list) (sprig_list)) }}', "[1 1 1 []]"),
        ("{{ sprig_without (sprig_list 1 2 3) 2 4 }}", "[1 3]"),
        ('{{ sprig_mustWithout (sprig_list "a" "b") "a" }}', "[b]"),
        ("{{ print (sprig_mustHas 1 (sprig_list 1)) (sprig_mustHas 1.0 (sprig_list 1)) (sprig_mustHas 1 nil) }}", "true false false"),
        ("{{ sprig_slice (sprig_list 1 2 3 4) 1 3 }}", "[2 3]"),
        ("{{ print (sprig_slice (sprig_list 1 2 3) 1) (sprig_slice (sprig_list 1 2)) (sprig_slice (sprig_list) 5 6) }}", "[2 3] [1 2] <nil>"),
        ("{{ sprig_mustSlice (sprig_list 1 2) 1 2 }}", "[2]"),
        ("{{ sprig_mustChunk 2 (sprig_list 1 2 3) }}", "[[1 2] [3]]"),
        ("{{ sprig_mustChunk -2 (sprig_until 3) }}", "[]"),
        ("{{ sprig_chunk -3 (sprig_until 3) }}", "[]"),
        ('{{ sprig_shuffle "a" }}', "a"),
        ('{{ sprig_tuple 1 "a" nil }}', "[1 a <nil>]"),
    ],
    "maps": [
        ('{{ print (sprig_get (sprig_dict "a" 1) "a") (sprig_get (sprig_dict "a" 1) "b") "|" }}', "1|"),
        ('{{ print (sprig_hasKey (sprig_dict "a" nil) "a") (sprig_hasKey (sprig_dict) "a") }}', "true false"),
        ('{{ sprig_set (sprig_dict "a" 1) "b" 2 }}', "map[a:1 b:2]"),
        ('{{ sprig_unset (sprig_dict "a" 1 "b" 2) "a" }}', "map[b:2]"),
        ('{{ sprig_pick (sprig_dict "a" 1 "b" 2 "c" 3) "a" "c" "z" }}', "map[a:1 c:3]"),
        ('{{ sprig_values (sprig_dict "a" 1) }}', "[1]"),
        ('{{ sprig_merge (sprig_dict "a" 1 "m" (sprig_dict "x" 1)) (sprig_dict "a" 2 "m" (sprig_dict "x" 5 "y" 2)) (sprig_dict "z" 9) }}', "map[a:1 m:map[x:1 y:2] z:9]"),
        ('{{ sprig_mergeOverwrite (sprig_dict "a" 1 "m" (sprig_dict "x" 1)) (sprig_dict "a" 2 "m" (sprig_dict "y" 2)) }}', "map[a:2 m:map[x:1 y:2]]"),
        ('{{ sprig_mustMerge (sprig_dict "a" "") (sprig_dict "a" "b") }}', "map[a:b]"),
        ('{{ sprig_mustMerge nil (sprig_dict "a" 1) }}', "map[a:1]"),
        ('{{ sprig_mustMergeOverwrite (sprig_dict "a" 1) (sprig_dict "a" "" "b" 2) }}', "map[a: b:2]"),
        ('{{ sprig_deepCopy (sprig_dict "a" (sprig_list 1)) }}', "map[a:[1]]"),
        ('{{ sprig_mustDeepCopy (sprig_list "a" nil) }}', "[a <nil>]"),
        ('{{ sprig_dig "a" "b" "none" (sprig_dict) }}', "none"),
        ('{{ sprig_dict "a" 1 "b" }}', "map[a:1 b:]"),
        ("{{ sprig_dict 1 2 }}", "map[1:2]"),
    ],
    "numbers": [
        ('{{ print (sprig_add1 4) "," (sprig_add1 "x") "," (sprig_add1 1.9) }}', "5,1,2"),
        ('{{ print (sprig_add1f 1.5) "," (sprig_addf 0.1 0.2) "," (sprig_addf 1 "2.5" true) }}', "2.5,0.3,4.5"),
        ('{{ print (sprig_sub 5 "3") "," (sprig_subf 0.3 0.1 0.1) "," (sprig_mul 2 3 "4") "," (sprig_mulf 1.1 1.1) }}', "2,0.1,24,1.21"),
        ('{{ print (sprig_mulf 0 -5.5) "," (sprig_divf 0 -2) "," (sprig_divf 10 4 2) }}', "0,0,1.25"),
        ('{{ print (sprig_div 7 -2) "," (sprig_mod -7 3) }}', "-3,-1"),
        ('{{ print (sprig_atoi "12") "," (sprig_atoi "x") "," (sprig_int64 "9223372036854775807") "," (sprig_float64 "1.5e3") }}', "12,0,9223372036854775807,1500"),
        ('{{ print (sprig_biggest 1 "5" 3) "," (sprig_min 4 2 "x") "," (sprig_maxf 1.5 2 "2.5") "," (sprig_minf 1.5 -2) }}', "5,0,2.5,-2"),
        ('{{ print (sprig_ceil 1.2) "," (sprig_floor -1.2) "," (sprig_ceil "x") "," (sprig_round 2.567 2) }}', "2,-2,0,2.57"),
        ('{{ print (sprig_toDecimal 777) "," (sprig_toDecimal "0755") "," (sprig_toDecimal "9") }}', "511,493,0"),
        ("{{ print (sprig_untilStep 3 9 3) (sprig_untilStep 3 0 -2) (sprig_untilStep 1 5 0) (sprig_untilStep 5 1 1) }}", "[3 6] [3 1] [] []"),
        ('{{ print (sprig_seq) "|" (sprig_seq 3) "|" (sprig_seq 0 2 6) "|" (sprig_seq 3 1) "|" (sprig_seq 1 2 3 4) }}', "|1 2 3|0 2 4 6|3 2 1|"),
        ("{{ sprig_randInt 5 6 }}", "5"),
        ('{{ printf "%T %T %T %T" (sprig_add 1) (sprig_addf 1) (sprig_int 1) (sprig_max 1) }}', "int64 float64 int int64"),
        ('{{ print (sprig_int "8.") "," (sprig_int "8.0") "," (sprig_int "8.5") }}', "0,8,0"),
    ],
    "logic": [
        ('{{ print (sprig_all 1 "a") (sprig_all 1 0) (sprig_all) "|" (sprig_any 0 "") (sprig_any 0 2) (sprig_any) }}', "true false true|false true false"),
        ('{{ print (sprig_kindIs "int" 1) (sprig_kindIs "map" (sprig_dict)) (sprig_kindIs "ptr" (sprig_semver "1.0")) }}', "true true true"),
        ('{{ print (sprig_typeIs "string" "") (sprig_typeIs "*semver.Version" (sprig_semver "1.0")) (sprig_typeIsLike "semver.Version" (sprig_semver "1.0")) (sprig_typeIs "int" 1.0) }}', "true true true false"),
        ("{{ print (sprig_kindOf nil) (sprig_typeOf nil) }}", "invalid<nil>"),
    ],
    "codes": [
        ('{{ print (sprig_b32enc "hé") (sprig_b64dec "aMOp") }}', "NDB2S===hé"),
        ('{{ sprig_b64dec "!" }}', "illegal base64 data at input byte 0"),
        ('{{ sprig_b32dec "1" }}', "illegal base32 data at input byte 0"),
        ('{{ sprig_fromJson "{\\"a\\":[1,2.5,null]}" }}', "map[a:[1 2.5 <nil>]]"),
        ('{{ print "[" (sprig_fromJson "{") "]" }}', "[<nil>]"),
        ('{{ sprig_mustFromJson "[1,\\"x\\"]" }}', "[1 x]"),
        ('{{ sprig_toJson (sprig_dict "a" "<&>" "b" (sprig_list 1 nil)) }}', '{"a":"\\u003c\\u0026\\u003e","b":[1,null]}'),
        ('{{ sprig_toPrettyJson (sprig_dict "a" 1) }}', '{\n  "a": 1\n}'),
        ('{{ sprig_toRawJson (sprig_dict "a" "<&>") }}', '{"a":"<&>"}'),
        ('{{ sprig_mustToJson (sprig_list "<" 1.0) }}', '["\\u003c",1]'),
        ("{{ sprig_mustToPrettyJson (sprig_list 1) }}", "[\n  1\n]"),
        ('{{ sprig_mustToRawJson "<é>" }}', '"<é>"'),
        ('{{ print "[" (sprig_toJson 1i) "]" }}', "[]"),
        ('{{ sprig_toJson (sprig_semver "1.2") }}', '"1.2.0"'),
        ('{{ sprig_sha256sum "a" }}', "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ('{{ sprig_sha512sum "a" }}', "1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f5302860c652bf08d560252aa5e74210546f369fbbbce8c12cfc7957b2652fe9a75"),
    ],
    "regex": [
        ('{{ print (sprig_regexMatch "^a+$" "aa") (sprig_regexMatch "(" "aa") }}', "true false"),
        ('{{ sprig_regexFindAll "[2,4]" "123456" -1 }}', "[2 4]"),
        ('{{ sprig_regexFindAll "[0-9]" "123456" 2 }}', "[1 2]"),
        ('{{ sprig_regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}" }}', "-${1}-${1}-"),
        ('{{ sprig_mustRegexMatch "b" "abc" }}', "true"),
        ('{{ sprig_mustRegexFind "a." "xabc" }}', "ab"),
        ('{{ sprig_mustRegexFindAll "a" "aaa" 2 }}', "[a a]"),
        ('{{ sprig_mustRegexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }}', "-W-xxW-"),
        ('{{ sprig_mustRegexReplaceAllLiteral "a" "banana" "$0" }}', "b$0n$0n$0"),
        ('{{ sprig_mustRegexSplit "z+" "pizza" -1 }}', "[pi a]"),
        ('{{ sprig_mustRegexSplit "z+" "pizza" 1 }}', "[pizza]"),
        ('{{ printf "%#v %#v" (sprig_regexSplit "a" "banana" 0) (sprig_regexSplit "" "" 1) }}', "[]string(nil) []string{}"),
        ('{{ printf "%q" (sprig_regexSplit "\\\\B" "a世b" -1) }}', '["a世b"]'),
    ],
    "paths": [
        ('{{ print (sprig_isAbs "/a") (sprig_isAbs "a") (sprig_osIsAbs "/a") }}', "true false true"),
        ('{{ print (sprig_osBase "a/b/") "|" (sprig_osDir "a/b") "|" (sprig_osClean "a//b/../c/") "|" (sprig_osExt "a/b.tar.gz") }}', "b|a|a/c|.gz"),
        ('{{ sprig_urlJoin (sprig_dict "scheme" "http" "host" "h:1" "path" "/a b" "query" "q=1" "fragment" "f" "userinfo" "u:p") }}', "http://u:p@h:1/a%20b?q=1#f"),
        ('{{ sprig_urlParse "//[::1]:9/a%41?q#f%20g" }}', "map[fragment:f g host:[::1]:9 hostname:::1 opaque: path:/aA query:q scheme: userinfo:]"),
        ('{{ sprig_urlParse "mailto:a@b" }}', "map[fragment: host: hostname: opaque:a@b path: query: scheme:mailto userinfo:]"),
        ('{{ sprig_urlParse "a/b:c" }}', "map[fragment: host: hostname: opaque: path:a/b:c query: scheme: userinfo:]"),
        ('{{ sprig_urlParse "///p" }}', "map[fragment: host: hostname: opaque: path:///p query: scheme: userinfo:]"),
        ('{{ sprig_urlParse "http://é/é" | sprig_urlJoin }}', "http://%C3%A9/%C3%A9"),
    ],
    "times": [
        ('{{ sprig_toDate "2006-01-02" "2017-12-31" }}', "2017-12-31 00:00:00 +0000 UTC"),
        ('{{ sprig_toDate "2006-01-02" "x" }}', "0001-01-01 00:00:00 +0000 UTC"),
        ('{{ sprig_mustToDate "2006 01" "2017   05" }}', "2017-05-01 00:00:00 +0000 UTC"),
        ('{{ sprig_unixEpoch (sprig_toDate "2006-01-02" "2017-12-31") }}', "1514678400"),
        ('{{ sprig_mustDateModify "-1.5h" (sprig_toDate "2006-01-02" "2017-12-31") }}', "2017-12-30 22:30:00 +0000 UTC"),
        ('{{ sprig_must_date_modify "36h" (sprig_toDate "2006-01-02" "2017-12-31") }}', "2018-01-01 12:00:00 +0000 UTC"),
        ('{{ sprig_ago 5 | regexMatch "^[0-9]+h[0-9]+m[0-9]+s$" }}', "true"),
        ('{{ sprig_ago "x" }}', "0s"),
        ('{{ (sprig_toDate "15:04" "10:20").Year }}', "0"),
        ('{{ sprig_toDate "15:04" "10:20" }}', "0000-01-01 10:20:00 +0000 UTC"),
        ('{{ ((sprig_toDate "2006-01-02" "2020-01-31").AddDate 0 1 0).Format "Jan 2 2006" }}', "Mar 2 2020"),
        ('{{ print ((sprig_toDate "2006-01-02" "2020-03-04").Month) " " ((sprig_toDate "2006-01-02" "2020-03-04").Weekday) }}', "March Wednesday"),
        ('{{ printf "%d %T" ((sprig_toDate "2006-01-02" "2020-03-04").Month) ((sprig_toDate "2006-01-02" "2020-03-04").Weekday) }}', "3 time.Weekday"),
        ('{{ (sprig_toDate "2006-01-02" "2020-03-04").Add 5 }}', "2020-03-04 00:00:00.000000005 +0000 UTC"),
        ('{{ ((sprig_toDate "2006" "2021").Sub (sprig_toDate "2006" "2020")).Hours }}', "8784"),
        ('{{ (sprig_toDate "2006" "2021").Compare (sprig_toDate "2006" "2020") }}', "1"),
    ],
    "keys": [
        ('{{ sprig_bcrypt "pw" | regexMatch "^\\\\$2a\\\\$10\\\\$.{53}$" }}', "true"),
        ('{{ sprig_bcrypt (sprig_repeat 73 "x") }}', "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"),
        ('{{ sprig_genPrivateKey "ecdsa" | regexMatch "^-----BEGIN EC PRIVATE KEY-----\\n[^-]*-----END EC PRIVATE KEY-----\\n$" }}', "true"),
        ('{{ sprig_genPrivateKey "ed25519" | regexMatch "^-----BEGIN PRIVATE KEY-----\\n" }}', "true"),
        ('{{ sprig_genPrivateKey "nope" }}', "Unknown type nope"),
        ('{{ with sprig_genCAWithKey "ca" 1 (sprig_genPrivateKey "ecdsa") }}{{ .Cert | contains "BEGIN CERTIFICATE" }} {{ .Key | contains "BEGIN EC PRIVATE KEY" }}{{ end }}', "true true"),
        ('{{ with sprig_genSelfSignedCert "h" nil (sprig_list "h.x") 1 }}{{ .Cert | contains "BEGIN CERTIFICATE" }}{{ end }}', "true"),
        ('{{ with sprig_genSelfSignedCertWithKey "h" (sprig_list "127.0.0.1") nil 1 (sprig_genPrivateKey "ecdsa") }}{{ .Key | contains "EC PRIVATE" }}{{ end }}', "true"),
        ('{{ with sprig_genCAWithKey "ca" 1 (sprig_genPrivateKey "ecdsa") }}{{ with sprig_genSignedCertWithKey "h" nil nil 1 . (sprig_genPrivateKey "ecdsa") }}{{ .Cert | contains "BEGIN" }}{{ end }}{{ end }}', "true"),
        ('{{ with sprig_genCAWithKey "ca" 1 (sprig_genPrivateKey "ecdsa") }}{{ with sprig_buildCustomCert (.Cert | base64Encode) (.Key | base64Encode) }}{{ .Cert | contains "BEGIN CERTIFICATE" }}{{ end }}{{ end }}', "true"),
    ],
}  # fmt: skip

# What stands behind "error calling NAME: " there.
ERRORS: dict[str, list[tuple[str, str]]] = {
    "text": [
        ('{{ sprig_substr -1 9 "abc" }}', "runtime error: slice bounds out of range [:9] with length 3"),
        ('{{ sprig_repeat -1 "ab" }}', "strings: negative Repeat count"),
    ],
    "lists": [
        ("{{ sprig_append 5 1 }}", "Cannot push on type int"),
        ("{{ sprig_mustPush nil 2 }}", "runtime error: invalid memory address or nil pointer dereference"),
        ('{{ sprig_mustAppend "s" 1 }}', "Cannot push on type string"),
        ("{{ sprig_mustPrepend 1 1 }}", "Cannot prepend on type int"),
        ("{{ sprig_concat (sprig_list 1) 2 }}", "Cannot concat type int as list"),
        ("{{ sprig_concat nil }}", "runtime error: invalid memory address or nil pointer dereference"),
        ("{{ sprig_mustInitial 5 }}", "Cannot find initial on type int"),
        ("{{ sprig_mustFirst 5 }}", "Cannot find first on type int"),
        ("{{ sprig_mustLast (sprig_dict) }}", "Cannot find last on type map"),
        ('{{ sprig_mustRest "x" }}', "Cannot find rest on type string"),
        ("{{ sprig_mustReverse true }}", "Cannot find reverse on type bool"),
        ("{{ sprig_mustCompact 1 }}", "Cannot compact on type int"),
        ("{{ sprig_mustUniq 5 }}", "Cannot find uniq on type int"),
        ("{{ sprig_mustWithout 1 2 }}", "Cannot find without on type int"),
        ('{{ sprig_mustHas 1 "x" }}', "Cannot find has on type string"),
        ("{{ sprig_mustSlice (sprig_list 1 2) 3 }}", "reflect.Value.Slice: slice index out of bounds"),
        ("{{ sprig_mustSlice 5 1 }}", "list should be type of slice or array but int"),
        ("{{ sprig_mustSlice nil }}", "runtime error: invalid memory address or nil pointer dereference"),
        ('{{ sprig_mustChunk 2 "abc" }}', "Cannot chunk type string"),
        ("{{ sprig_mustChunk 0 (sprig_list 1) }}", "runtime error: makeslice: len out of range"),
        ('{{ sprig_uniq (sprig_semver "1.0") }}', "Cannot find uniq on type ptr"),
    ],
    "maps": [
        ('{{ sprig_set nil "a" 1 }}', "assignment to entry in nil map"),
        ("{{ sprig_merge (sprig_dict) 5 }}", "can't handle 5 for arg of type map[string]interface {}"),
        ("{{ sprig_deepCopy nil }}", "reflect: call of reflect.Value.Type on zero Value"),
        ("{{ sprig_mustDeepCopy nil }}", "reflect: call of reflect.Value.Type on zero Value"),
        ('{{ sprig_dig "a" "b" "none" (sprig_dict "a" 1) }}', "interface conversion: interface {} is int, not map[string]interface {}"),
        ('{{ sprig_dig "a" (sprig_dict) }}', "dig needs at least three arguments"),
        ('{{ sprig_dig 1 "none" (sprig_dict) }}', "interface conversion: interface {} is int, not string"),
    ],
    "numbers": [
        ("{{ sprig_divf 1 0 }}", "decimal division by 0"),
        ("{{ sprig_div 1 0 }}", "runtime error: integer divide by zero"),
        ("{{ sprig_mod 1 0 }}", "runtime error: integer divide by zero"),
        ("{{ sprig_randInt 6 5 }}", "invalid argument to Intn"),
    ],
    "logic": [
        ('{{ sprig_ternary 1 2 "x" }}', 'expected bool; found "x"'),
        ('{{ sprig_fail "" }}', ""),
    ],
    "codes": [
        ('{{ sprig_mustFromJson "{" }}', "unexpected end of JSON input"),
        ('{{ sprig_mustToJson (parseYAML "1: a") }}', "json: unsupported type: map[interface {}]interface {}"),
        ("{{ sprig_mustToPrettyJson 1i }}", "json: unsupported type: complex128"),
        ("{{ sprig_mustToRawJson (loop 1) }}", "json: unsupported type: <-chan int64"),
        ('{{ sprig_mustFromJson "1e+2e" }}', "invalid character 'e' after top-level value"),
        ('{{ parseJSON "1e" }}', "invalid character ' ' in exponent of numeric literal"),
    ],
    "regex": [
        ('{{ sprig_mustRegexMatch "(" "abc" }}', "error parsing regexp: missing closing ): `(`"),
        ('{{ sprig_mustRegexFind "[" "x" }}', "error parsing regexp: missing closing ]: `[`"),
        ('{{ sprig_mustRegexFindAll "*" "aaa" 2 }}', "error parsing regexp: missing argument to repetition operator: `*`"),
        ('{{ sprig_mustRegexReplaceAll "a)" "" "" }}', "error parsing regexp: unexpected ): `a)`"),
        ('{{ sprig_mustRegexReplaceAllLiteral "\\\\" "" "" }}', "error parsing regexp: trailing backslash at end of expression: ``"),
        ('{{ sprig_mustRegexSplit "[z" "pizza" 1 }}', "error parsing regexp: missing closing ]: `[z`"),
        ('{{ sprig_regexFindAll "(" "a" 1 }}', "regexp: Compile(`(`): error parsing regexp: missing closing ): `(`"),
    ],
    "paths": [
        ('{{ sprig_urlJoin (sprig_dict "host" 5) }}', "unable to parse host key, must be of type string, but int found"),
        ('{{ sprig_urlParse "a\\x00b" }}', 'unable to parse url: parse "a\\x00b": net/url: invalid control character in URL'),
        ('{{ sprig_urlParse "http://u@h:x/" }}', 'unable to parse url: parse "http://u@h:x/": invalid port ":x" after host'),
        ('{{ sprig_urlParse "http://a:b:c/" }}', 'unable to parse url: parse "http://a:b:c/": invalid port ":b:c" after host'),
        ('{{ sprig_urlParse "ftp://a:b:c/" }}', 'unable to parse url: parse "ftp://a:b:c/": invalid port ":c" after host'),
        ('{{ sprig_urlParse "//[::1" }}', 'unable to parse url: parse "//[::1": missing \']\' in host'),
        ('{{ sprig_urlParse "http://h%41/" }}', 'unable to parse url: parse "http://h%41/": invalid URL escape "%41"'),
        ('{{ sprig_urlParse "http://h h/" }}', 'unable to parse url: parse "http://h h/": invalid character " " in host name'),
        ('{{ sprig_urlParse "http://ü@h/" }}', 'unable to parse url: parse "http://ü@h/": net/url: invalid userinfo'),
        ('{{ sprig_urlParse "/a%zz" }}', 'unable to parse url: parse "/a%zz": invalid URL escape "%zz"'),
        ('{{ sprig_urlParse "/a#%zz" }}', 'unable to parse url: parse "/a#%zz": invalid URL escape "%zz"'),
        ('{{ sprig_urlParse "1a:b" }}', 'unable to parse url: parse "1a:b": first path segment in URL cannot contain colon'),
    ],
    "times": [
        ('{{ sprig_mustToDate "2006-01-02" "x" }}', 'parsing time "x" as "2006-01-02": cannot parse "x" as "2006"'),
        ('{{ sprig_mustToDate "2006-01-02" "2017-13-31" }}', 'parsing time "2017-13-31": month out of range'),
        ('{{ sprig_mustToDate "15:04" "24:00" }}', 'parsing time "24:00": hour out of range'),
        ('{{ sprig_mustToDate "ab\\n" "äb" }}', 'parsing time "\\xc3\\xa4b" as "ab\\x0a": cannot parse "\\xc3\\xa4b" as "ab\\x0a"'),
        ('{{ sprig_mustDateModify "x" (sprig_toDate "2006-01-02" "2017-12-31") }}', 'time: invalid duration "x"'),
    ],
    "keys": [
        ('{{ sprig_genCAWithKey "ca" 1 "nokey" }}', "parsing private key: no PEM data in input"),
        ('{{ sprig_genSelfSignedCert "h" (sprig_list 5) nil 1 }}', "error parsing ip: 5 is not a string"),
        ('{{ sprig_genSelfSignedCert "h" (sprig_list "x") nil 1 }}', "error parsing ip: x"),
        ('{{ sprig_buildCustomCert "!" "" }}', "unable to decode base64 certificate"),
        ('{{ sprig_buildCustomCert (base64Encode "x") (base64Encode "y") }}', "unable to decode certificate"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("group", ROWS)
def test_sprig_prints_what_the_original_prints(group: str) -> None:
    """Every function of the group, byte for byte."""
    assert [(text, shown(text)) for text, _ in ROWS[group]] == ROWS[group]


@pytest.mark.parametrize(("text", "message"), [row for rows in ERRORS.values() for row in rows])
def test_sprig_complains_in_the_originals_words(text: str, message: str) -> None:
    """A wrong argument is reported with the original's sentence."""
    with pytest.raises(ExecError, match=re.escape(message) + "$"):
        shown(text)
