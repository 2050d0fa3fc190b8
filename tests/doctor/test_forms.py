"""Forms filled in without a browser: the password goes where the visit began, and nowhere else."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from shared.cli.doctor.login.forms import forms_of
from shared.cli.doctor.login.options import LoginOptions
from tests.doctor.examining import problems, run
from tests.doctor.pair import USERNAME, Pair

LOGIN = '<input name="username"><input name="password" type="password">'


def page(action: str, fields: str = LOGIN) -> Response:
    return HTMLResponse(f'<form method="post" action="{action}">{fields}</form>')


def test_a_wrong_password_is_reported_and_not_tried_again(pair: Pair) -> None:
    lines = problems(run(pair.mcp_url, login=LoginOptions(username=USERNAME, password="wrong")))
    assert lines == {"authorize": "the username or the password is not accepted"}
    assert [path for _, _, path in pair.http.requests].count("/login") == 1


@pytest.mark.parametrize("action", ["{mcp}/steal", "//127.0.0.1:1/steal", "http://[", "javascript:alert(1)"])
def test_a_form_that_leads_elsewhere_gets_nothing(pair: Pair, action: str) -> None:
    pair.replace("auth", "GET", "/authorize", page(action.format(mcp=pair.mcp_origin)))
    lines = problems(run(pair.mcp_url, login=True))
    assert "a form is sent to another site" in lines["authorize"]
    assert "/steal" not in [path for _, _, path in pair.http.requests]


def test_a_login_at_another_site_is_left_to_the_browser(pair: Pair) -> None:
    pair.replace("auth", "GET", "/authorize", RedirectResponse(f"{pair.mcp_origin}/login"))
    lines = problems(run(pair.mcp_url, login=True))
    assert "the login leads to another site" in lines["authorize"]
    assert ("mcp", "GET", "/login") not in pair.http.requests


def test_a_page_that_cannot_be_filled_in_is_left_to_the_browser(pair: Pair) -> None:
    pair.replace("auth", "GET", "/authorize", page("/login", '<input name="email">'))
    lines = problems(run(pair.mcp_url, login=True))
    assert 'the page "/authorize" (200) has no form with username and password' in lines["authorize"]


def test_pages_without_end_are_given_up(pair: Pair) -> None:
    async def round_and_round(request: Request) -> Response:
        return RedirectResponse(f"/authorize?{request.url.query}")

    pair.replace("auth", "GET", "/authorize", round_and_round)
    assert "the login shows more than" in problems(run(pair.mcp_url, login=True))["authorize"]


def test_what_a_browser_would_send_is_what_is_read() -> None:
    (form,) = forms_of(
        "<input name=outside><form action=/x><input name=a value=1><input name=b>"
        "<input type=checkbox name=c value=2 checked><input type=checkbox name=d value=3>"
        "<button name=decision value=allow></button><button name=other value=4></button></form>"
    )
    assert form.action == "/x"
    assert form.fields == {"a": "1", "b": "", "c": "2"}
    assert form.decisions == ["allow"]


@pytest.mark.parametrize("html", ["<![x", "<!doctype", "<form", "<form action=&#x110000;>", "<" * 100_000])
def test_malformed_markup_has_no_effect(html: str) -> None:
    assert len(forms_of(html)) <= 1
