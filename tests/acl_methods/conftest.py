"""Keys that sign, tokens that they signed, and an issuer that answers from a table."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from pyconsul.acl.methods.protocol import Answer, Ask, MethodError

NOW = 1_800_000_000.0


@dataclass
class Issuer:
    """Answers by URL; ``asked`` keeps the questions."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Ask] = field(default_factory=list)

    async def fetch(self, ask: Ask) -> Answer:
        """The answer of the table. Raises MethodError where there is none."""
        self.asked.append(ask)
        if ask.url not in self.answers:
            raise MethodError(f'Get "{ask.url}": dial tcp: connection refused')
        return self.answers[ask.url]

    def says(self, url: str, document: Any, status: str = "200 OK", kind: str = "application/json") -> None:
        """Answer so from now on; what is no bytes is sent as JSON."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.answers[url] = Answer(status, kind, body)


@dataclass(frozen=True)
class Signer:
    """A key pair and its ID."""

    private: Any
    algorithm: str
    key_id: str

    def token(self, **claims: Any) -> str:
        """A signed token; it holds for an hour around ``NOW`` unless the claims say otherwise."""
        times = {"iat": int(NOW) - 60, "nbf": int(NOW) - 60, "exp": int(NOW) + 3600}
        merged = {name: value for name, value in (times | claims).items() if value is not None}
        return jwt.encode(merged, self.private, algorithm=self.algorithm, headers={"kid": self.key_id})

    @property
    def pem(self) -> str:
        """The public key."""
        public = self.private.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key as one of a JSON web key set."""
        kind = get_default_algorithms()[self.algorithm]
        return kind.to_jwk(self.private.public_key(), as_dict=True) | {"kid": self.key_id, "alg": self.algorithm}


@pytest.fixture(scope="session")
def signer() -> Signer:
    """An elliptic key."""
    return Signer(ec.generate_private_key(ec.SECP256R1()), "ES256", "k1")


@pytest.fixture(scope="session")
def stranger() -> Signer:
    """Another elliptic key under the same ID."""
    return Signer(ec.generate_private_key(ec.SECP256R1()), "ES256", "k1")


@pytest.fixture(scope="session")
def rsa_signer() -> Signer:
    """An RSA key."""
    return Signer(rsa.generate_private_key(65537, 2048), "RS256", "r1")


@pytest.fixture
def issuer() -> Issuer:
    """An issuer that knows nothing yet."""
    return Issuer()


@pytest.fixture(scope="session")
def encoded() -> Callable[[str], str]:
    """Text in base64."""
    return lambda text: base64.b64encode(text.encode()).decode()
