"""One query about a connected account at the authorization server."""

from __future__ import annotations

from dataclasses import dataclass, field

from resource_service.connected_accounts.answers import (
    Account,
    MalformedAccountError,
    account_from_wire,
    check_resource,
)
from resource_service.introspection.back_channel import BackChannel, failure, is_error
from resource_service.introspection.client import IntrospectionUnavailableError, Post
from resource_service.principal import Principal
from resource_service.reasons import Reason
from shared.http_exchange import Answer
from shared.json_text import parse_json

PATH = "/connected-account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about the account of a principal; equal to another one with the same answer.

    Attributes:
        holder: the grant of the token, or a digest of the token if the grant is unknown.
        resource: the URL of the resource whose account is meant; the token may be for one that joins it.
        rejected: the version of the credential that the upstream refused; None if none was.
        is_joined: whether the token is for a resource that joins this one.
        token: the access token of the request.
        principal: whom the request acts for.
    """

    holder: str
    resource: str
    rejected: str | None = None
    is_joined: bool = False
    token: str = field(compare=False, repr=False)
    principal: Principal = field(compare=False, repr=False)


class ProviderUnavailableError(IntrospectionUnavailableError):
    """The authorization server answers, but not the provider of the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountClient:
    """Queries the endpoint for connected accounts once for each call; caches nothing.

    Attributes:
        post: posts a form to the endpoint, with headers; raises `NoAnswerError`.
        authorization: the `Authorization` header of the requests, as for introspection.
        issuer: the URL of the authorization server.
    """

    post: Post
    authorization: str = field(repr=False)
    issuer: str

    async def ask(self, question: Question) -> Account | None:
        """Return the account; None if the access token is not active.

        Raises:
            ServerDownError: the authorization server does not answer.
            ProviderUnavailableError: the provider does not.
            IntrospectionUnavailableError: the answer is not usable.
        """
        rejected = {} if question.rejected is None else {"rejected": question.rejected}
        channel = BackChannel(post=self.post, authorization=self.authorization)
        form = {"token": question.token, "resource": question.resource, **rejected}
        return self._read(await channel.ask(form), question)

    def _read(self, answer: Answer, question: Question) -> Account | None:
        if answer.status != 200:
            if is_error(answer, 400, "invalid_token"):
                return None
            raise _failure(answer)
        try:
            document = parse_json(answer.body)
            check_resource(document, question.resource, is_joined=question.is_joined)
            return account_from_wire(document, self.issuer)
        except MalformedAccountError as error:
            raise IntrospectionUnavailableError(Reason.ACCOUNT_ANSWER_MALFORMED, str(error)) from error
        except ValueError:
            # Without its cause, which may quote the answer.
            raise IntrospectionUnavailableError(Reason.ACCOUNT_ANSWER_MALFORMED, "it is not JSON") from None


def _failure(answer: Answer) -> IntrospectionUnavailableError:
    text = f"status {answer.status}"
    if is_error(answer, 503, "temporarily_unavailable"):
        return ProviderUnavailableError(Reason.ACCOUNT_PROVIDER_UNAVAILABLE, text)
    if is_error(answer, 404, "not_configured"):
        return IntrospectionUnavailableError(Reason.ACCOUNT_NOT_CONFIGURED, text)
    return failure(answer)
