"""Clients that their own documents introduce: when a document is read, kept, and done without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from auth_service.clients.client_resolver import ClientResolver
from auth_service.clients.metadata_documents import HOLD_OFF_S, ClientMetadataFetcher
from auth_service.clients.repository import ClientRepository
from auth_service.fetching import Fetcher, Limits
from auth_service.protocol.cimd import DocumentRules
from auth_service.protocol.client_domains import DomainPolicy, Trust
from auth_service.protocol.errors import (
    InvalidClientError,
    OAuthError,
    QuotaExceededError,
    SlowDownError,
    TemporarilyUnavailableError,
)
from auth_service.protocol.rate_limit import Limit
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration_policy import Quota
from auth_service.rate_limits import Throttle
from shared.storage import Store
from tests.certificates import Authority
from tests.refusals import because
from tests.sites import HERE, HOST, Answer, Names, Site, answer, document, raw, site

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-8")]

RULES = DocumentRules(("authorization_code",), loopback=True)
KEEP_S = 1_800
ORIGIN = "192.0.2.1/32"


class Clock:
    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


@dataclass
class Setup:
    """Introductions, one process of several, and the site whose document they read."""

    store: Store
    stranger: Site
    fetcher: Fetcher
    clock: Clock = field(default_factory=Clock)

    @property
    def client_id(self) -> str:
        return f"https://{HOST}:{self.stranger.port}/client.json"

    @property
    def clients(self) -> ClientRepository:
        return ClientRepository(self.store, self.clock)

    def process(
        self, policy: DomainPolicy | None = None, *, at_most: int = 1_000, quota: Quota | None = None
    ) -> ClientResolver:
        return ClientResolver(
            clients=self.clients,
            documents=ClientMetadataFetcher(self.fetcher, RULES, self.clock),
            policy=policy or DomainPolicy(),
            throttle=Throttle(self.store, "cimd", Limit(at_most, 60)),
            clock=self.clock,
            keep_s=KEEP_S,
            loopback=True,
            quota=quota,
        )

    def publish(
        self, *, name: str = "A client", members: dict[str, Any] | None = None, **headers: str
    ) -> None:
        self.stranger.answers["/client.json"] = document(
            {
                "client_id": self.client_id,
                "client_name": name,
                "redirect_uris": [f"https://{HOST}/callback"],
                **(members or {}),
            },
            **headers,
        )

    def answer(self, document_answer: Answer) -> None:
        self.stranger.answers["/client.json"] = document_answer

    def reads(self) -> int:
        """How often the document has been asked for."""
        return len(self.stranger.contacts())


@pytest.fixture
def setup(store: Store, authority: Authority) -> Iterator[Setup]:
    fetcher = Fetcher(
        loopback=True,
        limits=Limits(total_s=10),
        ssl_context=authority.trusting(),
        resolve=Names({HOST: [HERE]}),
    )
    with site(authority.certifying(HOST)) as stranger:
        scene = Setup(store, stranger, fetcher)
        scene.publish()
        yield scene
    fetcher.close()


async def name_of(client_resolver: ClientResolver, client_id: str) -> str | None:
    client = await client_resolver.resolve_for_authorization(client_id, ORIGIN)
    return client.name if client else None


async def test_a_client_is_introduced_by_its_document(setup: Setup) -> None:
    client = await setup.process().resolve_for_authorization(setup.client_id, ORIGIN)
    assert client is not None
    assert (client.client_id, client.name) == (setup.client_id, "A client")
    assert client.domain == f"{HOST}:{setup.stranger.port}"
    assert await setup.clients.get(setup.client_id) == client


async def test_a_registered_client_is_found_without_a_document(setup: Setup) -> None:
    registered = await setup.clients.register(
        {"grant_types": ["authorization_code"], "token_endpoint_auth_method": "none"}
    )
    client_resolver = setup.process()
    assert (
        await client_resolver.resolve_for_authorization(registered.client.client_id, ORIGIN)
        == registered.client
    )
    assert await client_resolver.resolve_for_token(registered.client.client_id, None) == registered.client
    assert client_resolver.trust(registered.client) is Trust.ALLOW
    assert await client_resolver.resolve_for_authorization("nobody", ORIGIN) is None
    assert setup.reads() == 0


async def test_every_process_uses_the_document_that_one_has_read(setup: Setup) -> None:
    assert await name_of(setup.process(), setup.client_id) == await name_of(setup.process(), setup.client_id)
    assert setup.reads() == 1


@pytest.mark.parametrize(
    ("cache_control", "fresh_for_s"), [("", 3_600), ("max-age=600", 600), ("no-store", 60)]
)
async def test_a_document_is_read_again_when_its_headers_say_so(
    setup: Setup, cache_control: str, fresh_for_s: int
) -> None:
    client_resolver = setup.process()
    setup.publish(Cache_Control=cache_control)
    await name_of(client_resolver, setup.client_id)
    setup.publish(name="Renamed", Cache_Control=cache_control)
    setup.clock.now += fresh_for_s - 1
    assert await name_of(client_resolver, setup.client_id) == "A client"
    setup.clock.now += 1
    assert await name_of(client_resolver, setup.client_id) == "Renamed"
    assert setup.reads() == 2


async def test_many_who_want_a_document_at_once_have_it_read_once(setup: Setup) -> None:
    client_resolver = setup.process()
    names = await asyncio.gather(*(name_of(client_resolver, setup.client_id) for _ in range(50)))
    assert set(names) == {"A client"}
    assert setup.reads() == 1


async def test_a_failed_document_is_fetched_once_for_many_requests(setup: Setup) -> None:
    setup.answer(answer(b"", status="404 Not Found"))
    client_resolver = setup.process()
    names = await asyncio.gather(
        *(client_resolver.resolve_for_authorization(setup.client_id, ORIGIN) for _ in range(50)),
        return_exceptions=True,
    )
    assert {type(error) for error in names} == {InvalidClientError}
    assert setup.reads() == 1


FAILURES: list[tuple[Answer, type[OAuthError]]] = [
    (answer(b"", status="404 Not Found"), InvalidClientError),
    (answer(b"{}"), InvalidClientError),
    (answer(b"x" * 6_000), InvalidClientError),
    (answer(b"", status="503 Busy"), TemporarilyUnavailableError),
    (raw(b""), TemporarilyUnavailableError),
]


@pytest.mark.parametrize(("response", "error"), FAILURES)
async def test_a_failure_is_not_kept_but_not_repeated_at_once_either(
    setup: Setup, response: Answer, error: type[OAuthError]
) -> None:
    client_resolver = setup.process()
    setup.answer(response)
    for _ in range(3):
        with pytest.raises(error):
            await client_resolver.resolve_for_authorization(setup.client_id, ORIGIN)
    assert setup.reads() == 1
    assert await setup.clients.get(setup.client_id) is None
    setup.publish()
    setup.clock.now += HOLD_OFF_S
    assert await name_of(client_resolver, setup.client_id) == "A client"
    assert setup.reads() == 2


@pytest.mark.parametrize(("response", "error"), FAILURES)
async def test_a_new_authorization_needs_the_current_document(
    setup: Setup, response: Answer, error: type[OAuthError]
) -> None:
    client_resolver = setup.process()
    await name_of(client_resolver, setup.client_id)
    setup.clock.now += 3_600
    setup.answer(response)
    with pytest.raises(error):
        await client_resolver.resolve_for_authorization(setup.client_id, ORIGIN)


@pytest.mark.parametrize(
    "document_answer", [answer(b"", status="404 Not Found"), answer(b"", status="503 Busy"), raw(b"")]
)
async def test_a_returning_client_is_still_known_while_its_site_does_not_answer(
    setup: Setup, document_answer: Answer
) -> None:
    client_resolver = setup.process()
    await name_of(client_resolver, setup.client_id)
    setup.clock.now += 3_600
    setup.answer(document_answer)
    for _ in range(3):
        client = await client_resolver.resolve_for_token(setup.client_id, None)
        assert client is not None
        assert client.name == "A client"
    assert setup.reads() == 2


async def test_a_returning_client_is_checked_against_the_current_document(setup: Setup) -> None:
    client_resolver = setup.process()
    await name_of(client_resolver, setup.client_id)
    setup.clock.now += 3_600
    setup.publish(
        members={"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": f"https://{HOST}/jwks"}
    )
    client = await client_resolver.resolve_for_token(setup.client_id, None)
    assert client is not None
    assert client.auth_method == "private_key_jwt"
    setup.clock.now += 3_600
    setup.publish(members={"token_endpoint_auth_method": "client_secret_basic"})
    with pytest.raises(InvalidClientError):
        await client_resolver.resolve_for_token(setup.client_id, None)


async def test_an_unknown_client_cannot_make_the_server_fetch_anything_by_claiming_to_return(
    setup: Setup,
) -> None:
    assert await setup.process().resolve_for_token(setup.client_id, None) is None
    assert setup.reads() == 0


async def test_a_new_client_is_resolved_where_new_clients_are_counted(setup: Setup) -> None:
    assert await setup.process().resolve_for_token(setup.client_id, ORIGIN) is not None
    assert setup.reads() == 1


async def test_one_network_can_have_only_so_many_documents_read(setup: Setup) -> None:
    client_resolver = setup.process(at_most=2)
    for path in ("/a", "/b"):
        with pytest.raises(InvalidClientError):
            await client_resolver.resolve_for_authorization(
                setup.client_id.replace("/client.json", path), ORIGIN
            )
    with pytest.raises(SlowDownError):
        await client_resolver.resolve_for_authorization(setup.client_id, ORIGIN)
    assert setup.reads() == 2
    assert await client_resolver.resolve_for_authorization(setup.client_id, "198.51.100.1/32") is not None


async def test_a_document_that_is_kept_is_not_counted(setup: Setup) -> None:
    client_resolver = setup.process(at_most=1)
    for _ in range(5):
        await name_of(client_resolver, setup.client_id)


async def test_a_document_outlives_its_freshness_for_what_was_begun_with_it(setup: Setup) -> None:
    client = await setup.process().resolve_for_authorization(setup.client_id, ORIGIN)
    assert client is not None
    assert client.expires_at == setup.clock.now + 3_600 + KEEP_S


async def test_reading_a_document_again_does_not_shorten_the_life_of_a_client_with_grants(
    setup: Setup,
) -> None:
    client_resolver = setup.process()
    await name_of(client_resolver, setup.client_id)
    granted_until = int(setup.clock.now) + 180 * 86_400
    assert await setup.clients.note_use(setup.client_id, granted_until)
    began = setup.clock.now
    setup.clock.now += 3_600
    setup.publish(name="Renamed")
    client = await client_resolver.resolve_for_authorization(setup.client_id, ORIGIN)
    assert client is not None
    assert (client.name, client.expires_at, client.created_at) == ("Renamed", granted_until, began)
    assert [listed.client_id for listed in await setup.clients.list()] == [setup.client_id]


@pytest.mark.parametrize("policy", [DomainPolicy(Trust.DENY), DomainPolicy(Trust.ALLOW, deny=(HOST,))])
async def test_a_denied_domain_is_not_even_asked(setup: Setup, policy: DomainPolicy) -> None:
    await name_of(setup.process(), setup.client_id)
    client_resolver = setup.process(policy)
    with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_DOMAIN_NOT_ADMITTED)):
        await client_resolver.resolve_for_authorization(setup.client_id, ORIGIN)
    with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_DOMAIN_NOT_ADMITTED)):
        await client_resolver.resolve_for_token(setup.client_id, None)
    assert setup.reads() == 1


@pytest.mark.parametrize(
    ("policy", "trust"),
    [
        (DomainPolicy(Trust.ASK), Trust.ASK),
        (DomainPolicy(Trust.ASK, allow=(HOST,)), Trust.ALLOW),
        (DomainPolicy(Trust.DENY, allow=("*.example",)), Trust.ALLOW),
    ],
)
async def test_the_operator_s_trust_is_in_the_domain(
    setup: Setup, policy: DomainPolicy, trust: Trust
) -> None:
    client_resolver = setup.process(policy)
    client = await client_resolver.resolve_for_authorization(setup.client_id, ORIGIN)
    assert client is not None
    assert client_resolver.trust(client) is trust


async def test_a_url_without_a_client_is_not_fetched(setup: Setup) -> None:
    with pytest.raises(InvalidClientError):
        await setup.process().resolve_for_authorization(
            setup.client_id.replace("/client.json", "/a/../client.json"), ORIGIN
        )
    assert setup.reads() == 0


@pytest.mark.requirement("BOUND-2")
async def test_a_document_counts_like_a_registration_until_its_client_is_used(setup: Setup) -> None:
    client_resolver = setup.process(quota=Quota(clients=10, unused=1))
    first, second = setup.client_id, setup.client_id + "?second"
    for client_id in (first, second):
        setup.stranger.answers[client_id.partition(str(setup.stranger.port))[2]] = document(
            {"client_id": client_id, "redirect_uris": [f"https://{HOST}/callback"]}
        )
    assert await client_resolver.resolve_for_authorization(first, ORIGIN)
    with pytest.raises(QuotaExceededError):
        await client_resolver.resolve_for_authorization(second, ORIGIN)
    assert await setup.clients.note_use(first, int(setup.clock()) + 1_000)
    assert await client_resolver.resolve_for_authorization(second, ORIGIN)
