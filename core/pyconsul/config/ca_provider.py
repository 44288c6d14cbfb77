"""What ``connect.ca_config`` must keep for each CA provider, its values read as loosely as by Consul."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from pyconsul.config.errors import ConfigError
from pyconsul.config.runtime import RuntimeConfig
from pyconsul.lang.mapstructure import decoding_failed, unconvertible
from pyconsul.lang.strconv import NumberSyntaxError, parse_float, parse_int
from pyconsul.primitives.durations import HOUR, DurationError, format_duration, parse_duration

_DAY: Final = 24 * HOUR
_LEAF_LIMITS: Final = (HOUR, 365 * _DAY)
_LEAST_INTERMEDIATE: Final = 3 * HOUR  # intermediates are looked at once an hour
_KEY_BITS: Final = {"ec": (224, 256, 384, 521), "rsa": (2048, 4096)}


class _Common(msgspec.Struct, frozen=True):
    """What all providers have; durations in nanoseconds. The defaults are Consul's."""

    LeafCertTTL: int = 3 * _DAY
    IntermediateCertTTL: int = 365 * _DAY
    RootCertTTL: int = 3650 * _DAY
    PrivateKeyType: str = "ec"
    PrivateKeyBits: int = 256
    CSRMaxPerSecond: float = 50
    CSRMaxConcurrent: int = 0
    SkipValidate: bool = False


def check_certificate_authority(runtime: RuntimeConfig) -> None:
    """Raise ConfigError for a provider that there is not, or a configuration that it cannot use."""
    provider = runtime.connect.ca_provider
    config = {name.lower(): value for name, value in runtime.connect.ca_config.items()}
    match provider:
        case "":
            return
        case "consul":
            common = _read(config)
            if config.get("rootcert") and not config.get("privatekey"):
                raise ConfigError("must provide a private key when providing a root cert")
            _check_common(common)
        case "vault":
            common = _read(config)
            _check_vault(config, is_primary=runtime.primary_datacenter == runtime.datacenter)
            _check_common(common)
        case "aws-pca":
            common = _read(config)
            _check_common(common)
            _check_aws(common)
        case _:
            raise ConfigError(f"{provider} is not a valid CA provider")


def _read(config: Mapping[str, Any]) -> _Common:
    found: dict[str, Any] = {}
    faults: list[str] = []
    for name, read in _NUMBERS.items():
        value = config.get(name.lower())
        if value is None:
            continue
        try:
            found[name] = read(name, value)
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise ConfigError(f"error decoding config: {decoding_failed(faults)}")
    if config.get("privatekeytype") is not None:
        found["PrivateKeyType"] = str(config["privatekeytype"])
    return _Common(SkipValidate=bool(config.get("skipvalidate", False)), **found)


def _duration(name: str, value: Any) -> int:
    if not isinstance(value, str):
        return _whole(name, value, "time.Duration")
    try:
        return parse_duration(value)
    except DurationError as error:
        raise ValueError(f"error decoding '{name}': {error}") from None


def _whole(name: str, value: Any, go: str = "int") -> int:
    if isinstance(value, str):
        try:
            return parse_int(value, 0, 64)
        except NumberSyntaxError as error:
            raise ValueError(f"cannot parse '{name}' as int: {error}") from None
    return int(_plain(name, value, go))


def _fraction(name: str, value: Any) -> float:
    if isinstance(value, str):
        try:
            return parse_float(value)
        except NumberSyntaxError as error:
            raise ValueError(f"cannot parse '{name}' as float: {error}") from None
    return _plain(name, value, "float32")


def _plain(name: str, value: Any, go: str) -> float:
    if isinstance(value, int | float):
        return value
    raise ValueError(unconvertible(name, go, value))


_NUMBERS: Final[dict[str, Callable[[str, Any], float]]] = {
    "LeafCertTTL": _duration,
    "RootCertTTL": _duration,
    "IntermediateCertTTL": _duration,
    "PrivateKeyBits": _whole,
    "CSRMaxPerSecond": _fraction,
    "CSRMaxConcurrent": _whole,
}


def _check_common(common: _Common) -> None:
    if common.SkipValidate:
        return
    shortest, longest = _LEAF_LIMITS
    leaf, intermediate, root = common.LeafCertTTL, common.IntermediateCertTTL, common.RootCertTTL
    if root < intermediate:
        raise ConfigError(
            "root cert TTL is set and is not greater than intermediate cert ttl. root cert ttl: "
            f"{format_duration(root)}, intermediate cert ttl: {format_duration(intermediate)}"
        )
    if leaf < shortest:
        raise ConfigError(f"leaf cert TTL must be greater or equal than {format_duration(shortest)}")
    if leaf > longest:
        raise ConfigError(f"leaf cert TTL must be less than {format_duration(longest)}")
    if intermediate < _LEAST_INTERMEDIATE:
        raise ConfigError("Intermediate Cert TTL must be greater or equal than 3h")
    if intermediate < 3 * leaf:
        raise ConfigError(
            f"Intermediate Cert TTL must be greater or equal than 3 * LeafCertTTL (>={format_duration(3 * leaf)})."
        )
    kind, bits = common.PrivateKeyType, common.PrivateKeyBits
    if kind not in _KEY_BITS:
        raise ConfigError("private key type must be either 'ec' or 'rsa'")
    if bits not in _KEY_BITS[kind]:
        raise ConfigError(
            "EC key length must be one of (224, 256, 384, 521) bits"
            if kind == "ec"
            else "RSA key length must be 2048 or 4096 bits"
        )


def _check_vault(config: Mapping[str, Any], *, is_primary: bool) -> None:
    token, method = config.get("token"), config.get("authmethod", config.get("auth_method"))
    if not token and method is None:
        raise ConfigError("must provide a Vault token or configure a Vault auth method")
    if token and method is not None:
        raise ConfigError("only one of Vault token or Vault auth method can be provided, but not both")
    if is_primary and not config.get("rootpkipath"):
        raise ConfigError("must provide a valid path to a root PKI backend")
    if not config.get("intermediatepkipath"):
        raise ConfigError("must provide a valid path for the intermediate PKI backend")


def _check_aws(common: _Common) -> None:
    if common.PrivateKeyType == "ec" and common.PrivateKeyBits != 256:
        raise ConfigError(f"AWS PCA only supports P256 EC curve, keyBits of {common.PrivateKeyBits} configured")
    if common.LeafCertTTL < _DAY:
        raise ConfigError(
            "AWS PCA doesn't support certificates that are valid for less than 24 hours, "
            f"LeafTTL of {format_duration(common.LeafCertTTL)} configured"
        )
