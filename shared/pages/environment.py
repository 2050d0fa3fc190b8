"""The template environment: values are escaped, and undefined names are errors."""

from __future__ import annotations

from jinja2 import BaseLoader, Environment, StrictUndefined, select_autoescape

from shared.texts import gettext, ngettext


def environment(loader: BaseLoader) -> Environment:
    """Return the environment in which every template of both services is rendered."""
    templates = Environment(
        loader=loader,
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    return templates
