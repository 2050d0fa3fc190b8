"""Redis URLs."""

from __future__ import annotations

import pytest

from shared.storage.redis_address import RedisAddress, parse_address

LOCAL = (("localhost", 6379),)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", RedisAddress(mode="single", nodes=LOCAL)),
        ("redis://localhost/", RedisAddress(mode="single", nodes=LOCAL)),
        ("redis://localhost:7000/3", RedisAddress(mode="single", nodes=(("localhost", 7000),), database=3)),
        ("redis://[::1]:7000", RedisAddress(mode="single", nodes=(("::1", 7000),))),
        ("redis://:s%3Acret@localhost", RedisAddress(mode="single", nodes=LOCAL, password="s:cret")),
        (
            "redis://u%40x:p%2F@localhost",
            RedisAddress(mode="single", nodes=LOCAL, username="u@x", password="p/"),
        ),
        ("redis://u:p@ss@localhost", RedisAddress(mode="single", nodes=LOCAL, username="u", password="p@ss")),
        ("redis://u:a+b@localhost", RedisAddress(mode="single", nodes=LOCAL, username="u", password="a+b")),
        ("rediss://localhost", RedisAddress(mode="single", nodes=LOCAL, tls=True)),
        (
            "rediss://localhost?ssl_ca_certs=/etc/ca%20certs.pem&ssl_certfile=c&ssl_keyfile=k",
            RedisAddress(
                mode="single",
                nodes=LOCAL,
                tls=True,
                tls_files=(
                    ("ssl_ca_certs", "/etc/ca certs.pem"),
                    ("ssl_certfile", "c"),
                    ("ssl_keyfile", "k"),
                ),
            ),
        ),
        (
            "redis+sentinel://u:p@one:1,two/service/2?tls=true&sentinel_password=a%2Bb+c&sentinel_username=s",
            RedisAddress(
                mode="sentinel",
                nodes=(("one", 1), ("two", 26379)),
                service="service",
                database=2,
                username="u",
                password="p",
                sentinel_username="s",
                sentinel_password="a+b+c",
                tls=True,
            ),
        ),
        ("redis+cluster://one,two:7001", RedisAddress(mode="cluster", nodes=(("one", 6379), ("two", 7001)))),
    ],
)
def test_a_url_names_hosts_credentials_and_options(url: str, address: RedisAddress) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis",
        "redis://",
        "redis:///0",
        "http://user:hunter2@localhost",
        "redis://user:hunter2@one,two",
        "redis://user:hunter2@local host",
        "redis://user:hunter2@localhost:port",
        "redis://user:hunter2@localhost:0",
        "redis://user:hunter2@localhost:65536",
        "redis://user:hunter2@localhost/one",
        "redis://user:hunter2@localhost/²",
        "redis://user:hunter2@localhost/-1",
        "redis://user:hunter2@localhost/0/1",
        "redis://user:hunter2@localhost#0",
        "redis://user:hunter2@localhost?tls=true",
        "redis://user:hunter2@localhost?ssl_ca_certs=/etc/ca.pem",
        "rediss://user:hunter2@localhost?ssl_cert_reqs=none",
        "rediss://user:hunter2@localhost?ssl_certfile=a&ssl_certfile=b",
        "redis+sentinel://user:hunter2@one,two",
        "redis+sentinel://user:hunter2@one,two/",
        "redis+sentinel://user:hunter2@one,two/service?tls=yes",
        "redis+sentinel://user:hunter2@one,/service",
        "redis+cluster://user:hunter2@one,two/1",
        "redis+cluster://user:hunter2@one,two?ssl_ca_certs=/etc/ca.pem",
        "redis+cluster://user:hunter2@one,two?sentinel_password=hunter2",
    ],
)
def test_a_url_of_no_such_form_is_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as refused:
        parse_address(url)
    assert "hunter2" not in str(refused.value)


def test_an_address_never_shows_its_passwords() -> None:
    address = parse_address("redis+sentinel://u:hunter2@one/service?sentinel_password=hunter3")
    assert "hunter" not in f"{address} {address!r}"
    assert "one:26379" in str(address)
