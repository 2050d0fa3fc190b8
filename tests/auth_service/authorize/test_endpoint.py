"""GET and POST /authorize: what is answered to whom."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.auth_service.service import RESOURCE, AuthorizationServer
from tests.flow import REDIRECT_URI, Client, Person, Pkce, asks_for_nothing, forms_of
from tests.stores import ON_ONE_STORE

CALLBACK = "https://client.example/cb"


@pytest.fixture
def visitor() -> Iterator[Person]:
    """Somebody who was never here before."""
    person = Person(trust_env=False)
    yield person
    person.close()


def answer_of(response: httpx2.Response) -> dict[str, str]:
    """The members of an answer in the query of a redirect to the client."""
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def begin(server: AuthorizationServer, url: str) -> httpx2.Response:
    """Open an authorization URL without any cookie, as a program does."""
    return server.http.get(url)


@pytest.mark.requirement("AS-4", "SEC-3")
def test_the_answer_holds_a_code_the_state_and_the_issuer(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    answer = server.person.authorize(client.authorization_url(Pkce(), state="s & = ü #"))
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("s & = ü #", server.issuer)
    assert answer["code"].startswith("dw_ac_")


def test_a_request_without_state_is_answered_without_one(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    answer = server.person.authorize(client.authorization_url(Pkce(), state=None))
    assert answer.keys() == {"code", "iss"}


@pytest.mark.requirement("AS-10")
@pytest.mark.parametrize(
    ("registered", "requested_uri", "begins"),
    [
        ("https://c.example/cb?tenant=1", None, "https://c.example/cb?tenant=1&code=dw_ac_"),
        ("http://localhost/cb", "http://localhost:4711/cb", "http://localhost:4711/cb?code=dw_ac_"),
        ("cursor://a.b/oauth/callback", None, "cursor://a.b/oauth/callback?code=dw_ac_"),
        ("https://C.example/%7Ecb?x=%2F", None, "https://C.example/%7Ecb?x=%2F&code=dw_ac_"),
    ],
)
def test_the_redirect_uri_is_answered_byte_for_byte(
    server: AuthorizationServer, registered: str, requested_uri: str | None, begins: str
) -> None:
    client, pkce = server.register(redirect_uris=[registered]), Pkce()
    page = server.person.open(client.authorization_url(pkce, redirect_uri=requested_uri or registered))
    while page.status_code == 200:
        login = "password" in page.text
        page = server.person.log_in(page) if login else server.person.submit(page, {"decision": "allow"})
    assert page.status_code == 303
    assert page.headers["location"].startswith(begins)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    code = dict(parse_qsl(urlsplit(page.headers["location"]).query))["code"]
    assert client.redeem(code, pkce, redirect_uri=requested_uri or registered).status_code == 200


def test_the_only_redirect_uri_may_be_left_out_all_the_way(server: AuthorizationServer) -> None:
    client, pkce = server.register(redirect_uris=[CALLBACK]), Pkce()
    answer = server.person.authorize(client.authorization_url(pkce, redirect_uri=None))
    response = client.token(grant_type="authorization_code", code=answer["code"], code_verifier=pkce.verifier)
    assert response.status_code == 200


@pytest.mark.requirement("AS-17")
def test_a_request_may_be_posted(server: AuthorizationServer) -> None:
    client = server.register()
    url, _, query = client.authorization_url(Pkce(), resource=RESOURCE).partition("?")
    page = server.person.follow(server.person.browser.post(url, data=dict(parse_qsl(query))))
    if "password" in page.text:
        page = server.person.log_in(page)
    assert forms_of(page.text)[0].buttons == [("decision", "allow"), ("decision", "deny")]


@pytest.mark.requirement("AS-17", "AS-23")
def test_a_request_posted_from_another_site_finds_the_session(server: AuthorizationServer) -> None:
    client, person = server.register(), Person(trust_env=False)
    page = person.log_in(person.open(f"{server.origin}/login"))
    before = dict(person.browser.cookies)
    url, _, query = client.authorization_url(Pkce()).partition("?")
    # SameSite=Lax: the form comes without cookies, the GET that follows has them.
    posted = server.http.post(url, data=dict(parse_qsl(query)))
    assert posted.status_code == 303
    assert "set-cookie" not in posted.headers
    page = person.open(str(posted.url.join(posted.headers["location"])))
    assert "password" not in forms_of(page.text)[0].fields
    assert dict(person.browser.cookies) == before
    person.close()


@pytest.mark.requirement("AS-17")
def test_a_long_request_posted_from_another_site_is_answered_too(server: AuthorizationServer) -> None:
    client = server.register()
    url, _, query = client.authorization_url(Pkce(), state="ü" * 1_000).partition("?")
    response = server.http.post(url, data=dict(parse_qsl(query)))
    assert (response.status_code, response.headers["location"][:14]) == (303, "login?pending=")


@pytest.mark.requirement("AS-10", "AS-20", "SEC-1")
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "unknown"},
        {"client_id": None},
        {"client_id": ""},
        {"client_id": "ü" * 300},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": REDIRECT_URI + "/x"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://127.0.0.1:５３/callback"},
        {"redirect_uri": "//evil.example"},
        {"client_id": "unknown", "prompt": "none"},
        {"redirect_uri": "https://evil.example/", "response_mode": "form_post"},
        {"redirect_uri": "https://evil.example/", "prompt": "none"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
@ON_ONE_STORE
def test_a_bad_client_or_redirect_uri_is_a_page_and_never_a_redirect(
    server: AuthorizationServer, changes: dict[str, str | None], method: str
) -> None:
    client = server.register()
    url = client.authorization_url(Pkce(), **changes)
    if method == "GET":
        response = server.person.browser.get(url)
    else:
        server.person.open(f"{server.origin}/login")
        data = dict(parse_qsl(urlsplit(url).query))
        response = server.person.browser.post(f"{server.origin}/authorize", data=data)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/html")
    assert "location" not in response.headers
    assert asks_for_nothing(response.text)
    assert "evil.example" not in response.text


@pytest.mark.requirement("AS-20")
def test_an_unknown_client_is_explained_for_every_program(server: AuthorizationServer) -> None:
    page = begin(server, f"{server.origin}/authorize?client_id=gone&response_type=code").text
    for program in ("Claude", "ChatGPT", "Cursor", "VS Code", "mcp-remote"):
        assert program in page
    assert "invalid_client" in page


@pytest.mark.requirement("AS-10")
def test_a_client_with_several_redirect_uris_must_say_which(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=[CALLBACK, REDIRECT_URI])
    response = begin(server, client.authorization_url(Pkce(), redirect_uri=None))
    assert response.status_code == 400
    assert "redirect_uri is missing" in response.text


ERRORS: list[tuple[dict[str, str | None], str]] = [
    ({"response_type": None}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "id_token"}, "unsupported_response_type"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"scope": 'a"b'}, "invalid_scope"),
    ({"resource": "https://other.example/mcp"}, "invalid_target"),
    ({"resource": "not a URI"}, "invalid_target"),
    ({"prompt": "create"}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "9" * 30}, "invalid_request"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"request_uri": "https://client.example/r"}, "request_uri_not_supported"),
    ({"nonce": "n" * 5_000}, "invalid_request"),
    ({"prompt": "none"}, "login_required"),
]


@pytest.mark.requirement("AS-1", "AS-4", "SEC-3", "SEC-6")
@pytest.mark.parametrize(("changes", "error"), ERRORS)
@ON_ONE_STORE
def test_any_other_error_is_sent_to_the_client_with_state_and_issuer(
    server: AuthorizationServer, visitor: Person, changes: dict[str, str | None], error: str
) -> None:
    client = server.register()
    answer = visitor.authorize(client.authorization_url(Pkce(), **changes))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "a state", server.issuer)
    assert "code" not in answer


@pytest.mark.requirement("AS-4")
def test_a_state_that_is_too_long_is_given_back_with_the_refusal(
    server: AuthorizationServer, visitor: Person
) -> None:
    client, state = server.register(), "s" * 5_000
    answer = visitor.authorize(client.authorization_url(Pkce(), state=state))
    assert (answer["error"], answer["state"]) == ("invalid_request", state)


def test_a_client_without_the_code_grant_is_told_so(server: AuthorizationServer, visitor: Person) -> None:
    client = server.register(
        grant_types=["client_credentials"], token_endpoint_auth_method="client_secret_basic"
    )
    answer = visitor.authorize(client.authorization_url(Pkce()))
    assert answer["error"] == "unauthorized_client"


@pytest.mark.requirement("AS-21")
def test_every_scope_that_is_advertised_can_be_granted_at_once(server: AuthorizationServer) -> None:
    metadata = server.get("/.well-known/oauth-authorization-server").json()
    # Groups are only for a client that was registered for them.
    client = server.register(scope=" ".join(metadata["scopes_supported"]))
    tokens = server.connect(client, scope=" ".join([*metadata["scopes_supported"], "unknown"]))
    assert tokens["scope"].split() == metadata["scopes_supported"]


@pytest.mark.requirement("AS-21")
@pytest.mark.parametrize("scope", [None, "unknown", "unknown another"])
def test_a_request_without_a_known_scope_gets_the_default(
    server: AuthorizationServer, scope: str | None
) -> None:
    assert server.connect(scope=scope)["scope"] == "notes:read notes:write"


@pytest.mark.requirement("AS-17")
@pytest.mark.parametrize("outcome", ["allow", "deny"])
def test_form_post_carries_the_answer_in_a_form_that_posts_itself(
    server: AuthorizationServer, outcome: str
) -> None:
    client, pkce = server.register(redirect_uris=[CALLBACK]), Pkce()
    page = server.person.open(client.authorization_url(pkce, response_mode="form_post"))
    if "password" in page.text:
        page = server.person.log_in(page)
    page = server.person.submit(page, {"decision": outcome})
    assert page.status_code == 200
    (form,) = forms_of(page.text)
    assert form.action == CALLBACK
    assert (form.fields["state"], form.fields["iss"]) == ("a state", server.issuer)
    assert ("code" in form.fields) is (outcome == "allow")
    assert form.fields.get("error") == (None if outcome == "allow" else "access_denied")
    assert "static/form_post.js" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    if outcome == "allow":
        assert client.redeem(form.fields["code"], pkce).status_code == 200


@pytest.mark.requirement("AS-4")
def test_an_error_is_sent_by_form_post_if_that_was_requested(
    server: AuthorizationServer, visitor: Person
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    page = visitor.open(client.authorization_url(Pkce(), response_mode="form_post", scope='"'))
    (form,) = forms_of(visitor.submit(page, {}).text)
    assert form.action == CALLBACK
    assert (form.fields["error"], form.fields["iss"]) == ("invalid_scope", server.issuer)


def test_a_request_can_be_opened_ahead_of_the_person(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    url = client.authorization_url(pkce)
    for _ in range(2):
        assert begin(server, url).status_code == 303
    assert server.http.head(url).status_code == 303
    assert client.redeem(server.person.authorize(url)["code"], pkce).status_code == 200


@pytest.mark.requirement("ID-10")
@pytest.mark.parametrize(("first", "then"), [("allow", "allow"), ("allow", "deny"), ("deny", "allow")])
def test_an_answered_request_gets_the_same_answer_again(
    server: AuthorizationServer, first: str, then: str
) -> None:
    client, person = server.register(redirect_uris=[CALLBACK]), Person(trust_env=False)
    page = person.log_in(person.open(client.authorization_url(Pkce())))
    response = person.submit(page, {"decision": first})
    again = person.submit(page, {"decision": then})
    assert again.status_code == 303
    assert again.headers["location"] == response.headers["location"]
    person.close()


@pytest.mark.requirement("ID-10", "SEC-5")
def test_an_answered_request_is_over_for_every_other_browser(server: AuthorizationServer) -> None:
    client, person = server.register(redirect_uris=[CALLBACK]), Person(trust_env=False)
    page = person.log_in(person.open(client.authorization_url(Pkce())))
    person.submit(page, {"decision": "allow"})
    with Person(trust_env=False).browser as other:
        assert other.get(str(page.url)).status_code == 400
    person.close()


def test_two_requests_in_two_tabs_do_not_get_in_each_others_way(server: AuthorizationServer) -> None:
    one, two = (server.register(redirect_uris=[f"https://{n}.example/cb"]) for n in ("one", "two"))
    person = Person(trust_env=False)
    person.log_in(person.open(f"{server.origin}/login"))
    pages = [person.open(client.authorization_url(Pkce(), state=client.client_id)) for client in (one, two)]
    for client, page in zip((two, one), reversed(pages), strict=True):
        answer = answer_of(person.submit(page, {"decision": "allow"}))
        assert answer["state"] == client.client_id
    person.close()


def silent(
    server: AuthorizationServer, person: Person, client: Client, **changes: str | None
) -> dict[str, str]:
    """The answer to a request that may show no page."""
    return answer_of(person.open(client.authorization_url(Pkce(), prompt="none", **changes)))


@pytest.mark.requirement("AS-9", "AS-17")
def test_prompt_none_is_answered_without_a_page(server: AuthorizationServer) -> None:
    client, person = server.register(redirect_uris=[CALLBACK]), Person(trust_env=False)
    assert silent(server, person, client)["error"] == "login_required"
    person.log_in(person.open(f"{server.origin}/login"))
    assert silent(server, person, client)["error"] == "consent_required"
    client.connect(person, scope="notes:read")
    assert "code" in silent(server, person, client, scope="notes:read")
    assert silent(server, person, client, scope="notes:write")["error"] == "consent_required"
    server.clock.advance(100)
    assert silent(server, person, client, scope="notes:read", max_age="50")["error"] == "login_required"
    assert "code" in silent(server, person, client, scope="notes:read", max_age="500")
    person.close()


@pytest.mark.requirement("AS-17")
@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}])
def test_a_fresh_login_can_be_demanded_and_one_is_enough(
    server: AuthorizationServer, changes: dict[str, str]
) -> None:
    client, person = server.register(redirect_uris=[CALLBACK]), Person(trust_env=False)
    client.connect(person)
    server.clock.advance(5)
    page = person.open(client.authorization_url(Pkce(), **changes))
    assert "password" in forms_of(page.text)[0].fields
    assert "code" in answer_of(person.log_in(page))
    person.close()


@pytest.mark.requirement("AS-9", "AS-17")
def test_consent_can_be_demanded_again(server: AuthorizationServer) -> None:
    client, person = server.register(redirect_uris=[CALLBACK]), Person(trust_env=False)
    client.connect(person)
    assert "code" in answer_of(person.open(client.authorization_url(Pkce())))
    page = person.open(client.authorization_url(Pkce(), prompt="consent"))
    assert forms_of(page.text)[0].buttons == [("decision", "allow"), ("decision", "deny")]
    person.close()
