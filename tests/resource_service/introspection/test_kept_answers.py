"""The cache of introspection responses: found by token, dropped by grant, and bounded."""

from __future__ import annotations

import random

from resource_service.introspection.kept_answers import Kept, KeptAnswers, grants_of
from shared.introspection import ActiveToken


def active(grant_id: str | None = "g", *ancestors: str) -> ActiveToken:
    return ActiveToken(
        client_id="client",
        scopes=(),
        audience=(),
        issuer="issuer",
        expires_at=2_000_000_000,
        grant_id=grant_id,
        parent_grants=ancestors,
    )


def entry(answer: ActiveToken | None, until: float = 100) -> Kept:
    return Kept(answer, until)


def test_an_answer_is_found_until_its_time_is_over() -> None:
    answers = KeptAnswers()
    answers.keep(b"a", entry(active()))
    answers.keep(b"b", entry(None))
    assert answers.find(b"a", 99.9) == entry(active())
    assert answers.find(b"b", 99.9) == entry(None)
    assert answers.find(b"c", 0) is None
    assert answers.find(b"a", 100) is answers.find(b"b", 100) is None
    assert len(answers) == 0
    answers.keep(b"a", entry(active()))
    assert answers.find(b"a", 101) is None


def test_a_later_answer_takes_the_place_of_an_earlier_one() -> None:
    answers = KeptAnswers()
    answers.keep(b"a", entry(active("one")))
    answers.keep(b"a", entry(active("two")))
    answers.forget_grant("one")
    assert answers.find(b"a", 0) == entry(active("two"))
    answers.keep(b"a", entry(None))
    answers.forget_grant("two")
    assert answers.find(b"a", 0) == entry(None)
    assert len(answers) == 1


def test_the_end_of_a_grant_drops_every_token_that_ends_with_it_and_no_other() -> None:
    answers = KeptAnswers()
    answers.keep(b"own", entry(active("parent")))
    answers.keep(b"another of it", entry(active("parent")))
    answers.keep(b"child", entry(active("child", "parent")))
    answers.keep(b"grandchild", entry(active("grandchild", "child", "parent")))
    answers.keep(b"sibling", entry(active("sibling")))
    answers.keep(b"inactive", entry(None))
    answers.forget_grant("parent")
    left = [key for key in (b"own", b"another of it", b"child", b"grandchild") if answers.find(key, 0)]
    assert left == []
    assert answers.find(b"sibling", 0)
    assert answers.find(b"inactive", 0)
    answers.forget_grant("nobody's")
    assert len(answers) == 2


def test_the_least_used_answers_make_room_and_bad_tokens_never_push_out_good_ones() -> None:
    answers = KeptAnswers(max_active=2, max_inactive=2)
    answers.keep(b"a", entry(active("a")))
    answers.keep(b"b", entry(active("b")))
    for number in range(100):
        answers.keep(f"junk {number}".encode(), entry(None))
    assert answers.find(b"a", 0)
    assert answers.find(b"b", 0)
    assert answers.find(b"a", 0)
    answers.keep(b"c", entry(active("c")))
    assert answers.find(b"b", 0) is None
    assert answers.find(b"a", 0)
    assert len(answers) == 4


def test_of_the_inactive_ones_the_least_used_makes_room() -> None:
    answers = KeptAnswers(max_inactive=2)
    for key in (b"a", b"b", b"c"):
        answers.keep(key, entry(None))
        answers.find(b"a", 0)
    assert [bool(answers.find(key, 0)) for key in (b"a", b"b", b"c")] == [True, False, True]


def test_whatever_happens_exactly_the_tokens_of_live_grants_are_found() -> None:
    chance = random.Random(1)  # noqa: S311 -- a schedule, not a secret
    answers, model = KeptAnswers(), dict[bytes, ActiveToken | None]()
    for _ in range(5_000):
        key, grant = bytes([chance.randrange(40)]), str(chance.randrange(8))
        match chance.randrange(10):
            case 0:
                answers.forget_grant(grant)
                model = {k: a for k, a in model.items() if a is None or grant not in grants_of(a)}
            case 1:
                answers.keep(key, entry(None))
                model[key] = None
            case _:
                model[key] = active(grant, *{str(chance.randrange(8)) for _ in range(chance.randrange(3))})
                answers.keep(key, entry(model[key]))
        assert len(answers) == len(model)
    entries = {bytes([n]): answers.find(bytes([n]), 0) for n in range(40)}
    assert {key: each.answer for key, each in entries.items() if each} == model
    answers.clear()
    assert len(answers) == 0


def test_a_token_whose_grant_is_unknown_ends_with_nothing_that_is_known() -> None:
    assert grants_of(active(None, "ancestor")) == frozenset()
    assert grants_of(active("own", "ancestor")) == {"own", "ancestor"}
