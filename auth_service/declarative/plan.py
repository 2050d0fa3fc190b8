"""Computes the changes from the current state to what a file declares; pure."""

from __future__ import annotations

from auth_service.declarative.access_plan import plan_access
from auth_service.declarative.clients_plan import plan_clients
from auth_service.declarative.groups_plan import plan_groups
from auth_service.declarative.model import AnyChange, Document, InvalidDocumentError, State
from auth_service.declarative.pairwise_plan import plan_pairwise
from auth_service.declarative.people_plan import plan_people
from auth_service.declarative.setting_kinds import KINDS
from auth_service.declarative.settings_plan import plan_settings


def plan(document: Document, state: State) -> list[AnyChange]:
    """Return the changes, in the order in which they are applied; none if there is nothing to do.

    Raises:
        InvalidDocumentError: the file cannot be applied to this state.
    """
    problems: list[str] = []
    changes: list[AnyChange] = []
    if document.people is not None:
        changes += plan_people(document.people, state, problems)
    if document.groups is not None:
        changes += plan_groups(document.groups, state.groups, problems)
    if document.access is not None:
        changes += plan_access(document.access, state, problems)
    if document.clients is not None:
        changes += plan_clients(document.clients, state.clients, problems)
    for name, section in document.settings.items():
        changes += plan_settings(KINDS[name], section, state, problems)
    if document.pairwise_key is not None:
        changes += plan_pairwise(document.pairwise_key, state, problems)
    if problems:
        raise InvalidDocumentError(*problems)
    return changes
