"""The bearer token of ``login -aws-auto-bearer-token``: requests to AWS that are signed here and sent by the server.

Auth methods of type ``aws-iam`` read it (``acl/methods/aws_requests.py``). Leans on botocore, the extra ``aws``, for
finding credentials and for signing (AWS Signature Version 4).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import msgspec

from pyconsul.acl.methods.aws_iam import Arn, parse_arn
from pyconsul.acl.methods.aws_requests import SERVER_ID_HEADER
from pyconsul.acl.methods.protocol import MethodError

_ENTITY_HEADER: Final = "X-Consul-IAM-GetEntity-"


class BearerError(Exception):
    """No bearer token can be made; the text says why."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the flags ask for; "" leaves it to AWS's own settings.

    ``server_id`` is what the auth method expects, ``with_entity`` signs a question for the role or user as well.
    """

    region: str = ""
    sts_endpoint: str = ""
    server_id: str = ""
    with_entity: bool = False
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""


class _Held(Exception):
    """Carries a signed request out of botocore, just before it would be sent."""

    def __init__(self, request: Any) -> None:
        super().__init__("the request is not to be sent")
        self.request = request


def bearer_token(wanted: Wanted, environ: Mapping[str, str]) -> str:
    """The bearer token of whoever the credentials belong to. Raises BearerError; blocks while it looks for them."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        missing = f"{error.name or error} is not installed: pip install 'py-consul-agent[aws]'"
        raise BearerError(missing) from error
    try:
        return _Signer(wanted, environ).bearer_token()
    except (BotoCoreError, ClientError, MethodError, ValueError) as error:
        raise BearerError(str(error)) from error


class _Signer:
    """Signs requests with the credentials that it finds."""

    def __init__(self, wanted: Wanted, environ: Mapping[str, str]) -> None:
        from botocore.session import Session

        self._wanted = wanted
        self._session: Any = Session()
        # AWS's other kits look at AWS_REGION first, botocore only at AWS_DEFAULT_REGION.
        found = wanted.region or environ.get("AWS_REGION") or self._session.get_config_variable("region")
        if not found:
            raise BearerError("AWS region not found")
        self._region: str = found
        if wanted.access_key_id:
            token = wanted.session_token or None
            self._session.set_credentials(wanted.access_key_id, wanted.secret_access_key, token)
        if self._session.get_credentials() is None:
            raise BearerError("AWS credentials not found")
        self._sts_url = _as_url(wanted.sts_endpoint) if wanted.sts_endpoint else None

    def bearer_token(self) -> str:
        """The signed question who signed it, as JSON."""
        with self._client("sts", self._sts_url) as sts:
            entity: dict[str, str] = {}
            if self._wanted.with_entity:
                arn: str = sts.get_caller_identity()["Arn"]
                signed = self._signed_entity(parse_arn(arn))
                entity = {f"{_ENTITY_HEADER}{part}": text for part, text in signed.items()}
            signed = self._signed(sts, sts.get_caller_identity, entity)
        return json.dumps(
            {
                "iam_http_request_method": signed["Method"],
                "iam_request_url": _encoded(signed["URL"]),
                "iam_request_headers": _encoded(signed["Headers"]),
                "iam_request_body": _encoded(signed["Body"]),
            }
        )

    def _signed_entity(self, me: Arn) -> dict[str, str]:
        """The signed question for a role or user."""
        with self._client("iam", None) as iam:
            if me.kind == "user":
                return self._signed(iam, partial(iam.get_user, UserName=me.name), {})
            return self._signed(iam, partial(iam.get_role, RoleName=me.name), {})

    @contextmanager
    def _client(self, service: str, url: str | None) -> Generator[Any]:
        client: Any = self._session.create_client(service, region_name=self._region, endpoint_url=url)
        try:
            yield client
        finally:
            client.close()

    def _signed(self, client: Any, ask: Callable[[], object], headers: Mapping[str, str]) -> dict[str, str]:
        """Method, URL, Headers (JSON) and Body of what ``ask`` would send: with these headers, and a signature."""
        all_headers = dict(headers)
        if self._wanted.server_id:
            all_headers[SERVER_ID_HEADER] = self._wanted.server_id

        def complete(request: Any, **_: Any) -> None:
            for name, value in all_headers.items():
                request.headers[name] = value

        def hold(request: Any, **_: Any) -> None:
            raise _Held(request)

        client.meta.events.register("before-sign", complete)
        client.meta.events.register("before-send", hold)
        try:
            ask()
        except _Held as held:
            request = held.request
        else:
            raise BearerError("the request was sent instead of signed")
        return {
            "Method": request.method,
            "URL": request.url,
            "Headers": json.dumps({_go_name(name): [_text(value)] for name, value in request.headers.items()}),
            "Body": _text(request.body),
        }


def _go_name(header: str) -> str:
    """Consul looks for headers under the names that Go gives them."""
    return header.title()


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


def _as_url(endpoint: str) -> str:
    """An endpoint as a URL; AWS's kits take bare host names, too."""
    return endpoint if "://" in endpoint else f"https://{endpoint}"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
