"""The settings for upstreams; part of `resource_service.settings`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode

from resource_service.isolation import check_isolation
from resource_service.messages.forwarded_headers import why_not_passed
from resource_service.messages.joined_names import check_names
from resource_service.messages.key_header import KeyHeader, check_header, check_prefix
from resource_service.policy.pinning import Pinning
from resource_service.targets import StdioTarget, Target, check_host, parse_target
from shared.environment import listed
from shared.mounts import check_mount_path, mounts_in

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# A person chooses the value: what a shell or an interpreter executes must not be among these.
_OF_THE_SYSTEM = frozenset(
    {
        *("PATH", "HOME", "SHELL", "USER", "LOGNAME", "TERM", "LANG", "TZ", "TMPDIR", "IFS", "ENV"),
        *("BASH_ENV", "BASHOPTS", "SHELLOPTS", "PS4", "PROMPT_COMMAND", "EDITOR", "VISUAL", "PAGER"),
        *("NODE_OPTIONS", "NODE_PATH", "NODE_REPL_EXTERNAL_MODULE", "BUN_OPTIONS", "RUBYOPT", "RUBYLIB"),
        *("JDK_JAVA_OPTIONS", "DOTNET_STARTUP_HOOKS", "PHPRC", "PHP_INI_SCAN_DIR", "GEM_HOME", "GEM_PATH"),
        *("BROWSER", "BUNDLE_GEMFILE", "GCONV_PATH", "OPENSSL_CONF", "OPENSSL_ENGINES"),
    }
)
_OF_THE_LOADER = (
    *("LD_", "DYLD_", "LC_", "GLIBC_", "MALLOC_", "BASH_FUNC_", "XDG_", "GIT_", "NPM_", "PIP_", "UV_"),
    *("PYTHON", "PERL5", "JAVA_", "_JAVA_", "LUA_", "CORECLR_"),
)
_FIELD_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?\Z")


def _target(text: str) -> str:
    parse_target(text)
    return text


def _mount_path(path: str) -> str:
    check_mount_path(path)
    return path


def _authorization(value: SecretStr) -> SecretStr:
    # RFC 9110 §5.5: characters of a field value; a line break would begin another header.
    if not _FIELD_VALUE.match(value.get_secret_value()):
        raise ValueError("it must be the value of an Authorization header, such as Bearer TOKEN")
    return value


def _private_key(value: SecretStr) -> SecretStr:
    from resource_service.identity_token import read_private_key  # most starts need neither it nor a policy

    read_private_key(value.get_secret_value())
    return value


def _policy(path: Path) -> Path:
    from resource_service.policy.file import read_policy
    from resource_service.policy.validation import PolicyError

    try:
        read_policy(path)
    except PolicyError as error:
        raise ValueError(f"{path}: {error}") from None
    return path


def _variable(name: str) -> str:
    if not _VARIABLE.match(name) or name.upper().startswith("DOORWARD_"):
        raise ValueError(f"{name!r} cannot be passed on: it is not the name of a variable, or it is reserved")
    return name


def _header(name: str) -> str:
    if reason := why_not_passed(name):
        raise ValueError(f"{name!r} cannot be passed on: {reason}")
    return name.lower()


def _key_variable(name: str) -> str:
    if _variable(name).upper() in _OF_THE_SYSTEM or name.upper().startswith(_OF_THE_LOADER):
        raise ValueError(f"{name!r} cannot have an API key: it is a variable of the system")
    return name


def _check_connected_account(
    upstream: str | None, authorization: SecretStr | None, key_variable: str | None
) -> None:
    """Check that the credentials of people can be injected into requests to an upstream.

    Raises:
        ValueError: they cannot. The message says why.
    """
    if upstream is None:
        raise ValueError("only requests to an upstream can get the credential of a connected account")
    is_command = isinstance(parse_target(upstream), StdioTarget)
    if is_command and key_variable is None:
        raise ValueError(
            "a command gets no header: name the environment variable for the API key of the person in "
            "api_key_variable"
        )
    if not is_command and key_variable is not None:
        raise ValueError("api_key_variable is for commands; an upstream with a URL has api_key_header")
    if is_command:
        check_isolation()
    if authorization is not None:
        raise ValueError("an upstream gets either a fixed authorization or the one of a connected account")


def _spelled_out(mounts: object) -> object:
    """Expand the short forms ``/github=http://…`` and ``{"/github": "http://…"}``."""
    if isinstance(mounts, str):
        mounts = mounts_in(mounts)
    if not isinstance(mounts, dict):
        return mounts
    return [
        {"path": path, **(mount if isinstance(mount, dict) else {"upstream": mount})}
        for path, mount in mounts.items()
    ]


Upstream = Annotated[str, AfterValidator(_target)]
Authorization = Annotated[SecretStr, AfterValidator(_authorization)]
KeyHeaderName = Annotated[str, AfterValidator(check_header)]
KeyPrefix = Annotated[str, AfterValidator(check_prefix)]
KeyVariable = Annotated[str, AfterValidator(_key_variable)]
Host = Annotated[str, AfterValidator(check_host)]
PolicyFile = Annotated[Path, AfterValidator(_policy)]


class Mount(BaseModel):
    """An upstream beside the main one, as a separate resource.

    Attributes:
        path: its path, beside the path of the main resource.
        upstream: ``http://…``, ``https://…`` or ``stdio:COMMAND``.
        name: shown on the consent page; the path by default.
        authorization: the ``Authorization`` header for this upstream.
        host: the ``Host`` header for this upstream.
        policy: the file with the scopes of this resource; without it, any valid token is sufficient.
        connected_account: whether requests get the credential of the account that the person has connected
            for this resource at the authorization server.
        api_key_header: the header for the API key of a person, who enters it there; `Authorization` by
            default.
        api_key_prefix: before the key; by default ``Bearer `` in `Authorization`, and nothing in others.
        api_key_variable: the environment variable for the API key of a person, if `upstream` is a command.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path: Annotated[str, AfterValidator(_mount_path)]
    upstream: Upstream
    name: str | None = Field(default=None, min_length=1, max_length=100)
    authorization: Authorization | None = None
    host: Host | None = None
    policy: PolicyFile | None = None
    connected_account: bool = False
    api_key_header: KeyHeaderName | None = None
    api_key_prefix: KeyPrefix | None = None
    api_key_variable: KeyVariable | None = None

    @model_validator(mode="after")
    def _host_is_for_http(self) -> Self:
        parse_target(self.upstream, self.host)
        return self

    @model_validator(mode="after")
    def _account_can_be_connected(self) -> Self:
        if self.connected_account:
            _check_connected_account(self.upstream, self.authorization, self.api_key_variable)
        elif self.api_key_variable is not None:
            raise ValueError("api_key_variable needs connected_account")
        return self

    @property
    def name_in_url(self) -> str:
        """The path without the slash: the name of the mount behind a joined URL."""
        return self.path.removeprefix("/")


class GatewaySettings(BaseSettings):
    """The part of `ResourceSettings` about upstreams.

    Attributes:
        upstream: the MCP server behind `resource`; the built-in server by default.
        upstream_authorization: the ``Authorization`` header for `upstream`.
        upstream_host: the ``Host`` header for `upstream`; the host of its URL by default.
        upstream_connected_account: whether requests to `upstream` get the credential of the account that the
            person has connected for `resource` at the authorization server.
        upstream_api_key_header, upstream_api_key_prefix, upstream_api_key_variable: how the API key of a
            person gets to `upstream`; see `Mount`.
        policy: the file with the scopes of `resource`; without it, any valid token is sufficient, except for
            the built-in server, which has its own policy.
        pin: how the definitions of tools are approved where a policy does not say.
        mounts: ``/github=http://…; /files=stdio:…``, or JSON, path to upstream: ``{"/github": "http://…",
            "/files": {"upstream": "stdio:…"}}``; see `Mount`. Each is a separate resource beside `resource`.
            With mounts and without `upstream`, nothing is served at `resource` itself.
        join: serve all `mounts` at `resource` as one MCP server, too.
        join_search: list two tools there in place of all: one finds tools, the other calls them.
        identity_key: the private key that signs identity tokens, in PEM; generated at startup by default.
        upstream_headers: names of request headers to forward, in addition to those of MCP and of tracing.
        upstream_connect_timeout_s: the time to connect to an upstream.
        upstream_silence_s: how long an upstream may send nothing during a call or a stream.
        upstream_max_message_bytes: the limit for a JSON answer over HTTP; a larger one fails the call.
        upstream_connections: open at once to one upstream, streams included;
            `upstream_connections_per_principal` of them for one principal.
        session_idle_s: how long an unused MCP session of an upstream is remembered.
        max_sessions: the maximum number of MCP sessions for each upstream.
        stdio_processes: the maximum for each command, `stdio_processes_per_principal` of them for one
            principal.
        stdio_idle_s: how long an unused process is kept.
        stdio_renewal_s: how long a process is kept after its last token has expired, so that its client can
            return with a new one; meanwhile nothing goes in or out.
        stdio_max_message_bytes: the limit for a message from a command; a larger one fails the call it
            answers.
        stdio_environment: names of environment variables to pass to commands, in addition to the standard
            few.
    """

    upstream: Upstream | None = None
    upstream_authorization: Authorization | None = None
    upstream_host: Host | None = None
    upstream_connected_account: bool = False
    upstream_api_key_header: KeyHeaderName | None = None
    upstream_api_key_prefix: KeyPrefix | None = None
    upstream_api_key_variable: KeyVariable | None = None
    policy: PolicyFile | None = None
    pin: Pinning = Pinning.FIRST
    mounts: Annotated[tuple[Mount, ...], NoDecode, BeforeValidator(_spelled_out)] = ()
    join: bool = False
    join_search: bool = False
    identity_key: Annotated[SecretStr, AfterValidator(_private_key)] | None = None
    upstream_connect_timeout_s: float = Field(default=5.0, gt=0, le=60)
    upstream_silence_s: float = Field(default=3_600.0, gt=0)
    upstream_max_message_bytes: int = Field(default=16 * 1024 * 1024, ge=65_536)
    upstream_connections: int = Field(default=1_000, ge=1)
    upstream_connections_per_principal: int = Field(default=100, ge=1)
    session_idle_s: float = Field(default=86_400.0, gt=0)
    max_sessions: int = Field(default=10_000, ge=1)
    stdio_processes: int = Field(default=64, ge=1)
    stdio_processes_per_principal: int = Field(default=8, ge=1)
    stdio_idle_s: float = Field(default=900.0, gt=0)
    upstream_headers: Annotated[
        tuple[Annotated[str, AfterValidator(_header)], ...], NoDecode, BeforeValidator(listed)
    ] = ()
    stdio_renewal_s: float = Field(default=30.0, ge=0)
    stdio_max_message_bytes: int = Field(default=16 * 1024 * 1024, ge=65_536)
    stdio_environment: Annotated[
        tuple[Annotated[str, AfterValidator(_variable)], ...], NoDecode, BeforeValidator(listed)
    ] = ()

    @model_validator(mode="after")
    def _account_can_be_connected(self) -> Self:
        if self.upstream_connected_account:
            try:
                _check_connected_account(
                    self.upstream, self.upstream_authorization, self.upstream_api_key_variable
                )
            except ValueError as error:
                raise ValueError(f"DOORWARD_UPSTREAM_CONNECTED_ACCOUNT: {error}") from None
        elif self.upstream_api_key_variable is not None:
            raise ValueError("DOORWARD_UPSTREAM_API_KEY_VARIABLE needs DOORWARD_UPSTREAM_CONNECTED_ACCOUNT")
        return self

    @model_validator(mode="after")
    def _api_keys_can_be_sent(self) -> Self:
        names = filter(None, (self.upstream_api_key_header, *(mount.api_key_header for mount in self.mounts)))
        # Otherwise a client could send its own one beside that of the person.
        for name in {name.lower() for name in names} & set(self.upstream_headers):
            raise ValueError(f"DOORWARD_UPSTREAM_HEADERS: {name!r} is the header of an API key")
        return self

    @model_validator(mode="after")
    def _mounts_can_be_joined(self) -> Self:
        if self.join_search and not self.join:
            raise ValueError("DOORWARD_JOIN_SEARCH needs DOORWARD_JOIN")
        if not self.join:
            return self
        if self.upstream is not None or not self.mounts:
            raise ValueError("DOORWARD_JOIN joins DOORWARD_MOUNTS: set these, and not DOORWARD_UPSTREAM")
        try:
            check_names((mount.name_in_url for mount in self.mounts), search=self.join_search)
        except ValueError as error:
            raise ValueError(f"DOORWARD_JOIN: {error}") from None
        return self

    @property
    def key_header(self) -> KeyHeader:
        """The header of the API keys of people."""
        return KeyHeader.of(self.upstream_api_key_header, self.upstream_api_key_prefix)

    @property
    def isolates_commands(self) -> bool:
        """Whether the processes of all commands are isolated from each other, since some have API keys."""
        variables = (self.upstream_api_key_variable, *(mount.api_key_variable for mount in self.mounts))
        return any(variable is not None for variable in variables)

    @property
    def target(self) -> Target | None:
        """The parsed `upstream`."""
        return None if self.upstream is None else parse_target(self.upstream, self.upstream_host)

    @property
    def identity_private_key(self) -> EllipticCurvePrivateKey | None:
        """The parsed `identity_key`."""
        from resource_service.identity_token import read_private_key

        return None if self.identity_key is None else read_private_key(self.identity_key.get_secret_value())

    def of_mount(self, mount: Mount) -> dict[str, Any]:
        """Return the settings that differ for `mount`."""
        return {
            "resource_name": mount.name or mount.name_in_url,
            "upstream": mount.upstream,
            "upstream_authorization": mount.authorization,
            "upstream_host": mount.host,
            "upstream_connected_account": mount.connected_account,
            "upstream_api_key_header": mount.api_key_header,
            "upstream_api_key_prefix": mount.api_key_prefix,
            "upstream_api_key_variable": mount.api_key_variable,
            "policy": mount.policy,
            "mounts": (),
            "join": False,
            "join_search": False,
        }
