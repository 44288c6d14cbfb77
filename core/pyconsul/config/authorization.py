"""``auto_config.authorization.static``: the auth method that introduces clients, checked beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from pyconsul.config.errors import ConfigError
from pyconsul.lang.strconv import quote
from pyconsul.primitives import plugins

if TYPE_CHECKING:
    from pyconsul.config.sections import AutoConfigAuthorizationStatic

NAME: Final = "Auto Config Authorizer"
_VARIABLES: Final = {"node": "fake", "segment": "fake", "partition": "fake"}


def auth_method_settings(static: AutoConfigAuthorizationStatic) -> dict[str, Any]:
    """The ``Config`` of the auth method of type jwt; None for lists and maps that are not set."""
    return {
        "BoundAudiences": list(static.bound_audiences) or None,
        "BoundIssuer": static.bound_issuer,
        "ClaimMappings": static.claim_mappings or None,
        "ClockSkewLeeway": static.clock_skew_leeway,
        "ExpirationLeeway": static.expiration_leeway,
        "JWKSCACert": static.jwks_ca_cert,
        "JWKSURL": static.jwks_url,
        "JWTSupportedAlgs": list(static.jwt_supported_algs) or None,
        "JWTValidationPubKeys": list(static.jwt_validation_pub_keys) or None,
        "ListClaimMappings": static.list_claim_mappings or None,
        "NotBeforeLeeway": static.not_before_leeway,
        "OIDCDiscoveryCACert": static.oidc_discovery_ca_cert,
        "OIDCDiscoveryURL": static.oidc_discovery_url,
    }


def check_authorization(static: AutoConfigAuthorizationStatic) -> None:
    """Raise ConfigError for settings that make no auth method, and assertions that never evaluate."""
    open_method = plugins.load("auth_method", "jwt")
    try:
        method = open_method(NAME, auth_method_settings(static), _nobody)
    except ValueError as error:
        raise ConfigError(f"auto_config.authorization.static has invalid configuration: {error}") from None
    _check_assertions(static.claim_assertions, method.blank().fields)


def _check_assertions(assertions: Iterable[str], fields: object) -> None:
    from pyconsul.lang.bexpr import FilterError, compile_evaluator
    from pyconsul.lang.hil import HilError, Scope, evaluate, parse

    for text in assertions:
        try:
            filled = evaluate(parse(text), Scope(_VARIABLES)) if "${" in text else text
            compile_evaluator(filled, type(fields))
        except (FilterError, HilError) as error:
            raise ConfigError(
                f"auto_config.authorization.static.claim_assertion {quote(text)} is invalid: {error}"
            ) from None


def _nobody(ask: object) -> Any:
    raise RuntimeError(f"checking a configuration asks nobody, not even {ask!r}")
