"""The tools of the built-in MCP server, and the scopes that each needs."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field
from starlette.requests import Request

from resource_service.mcp_server.notes import MAX_NOTE_CHARACTERS, Notes, NotesFullError, StoredNote
from resource_service.policy.decision import missing
from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.watcher import PolicyWatcher
from resource_service.principal import Principal, principal_in

READ = "notes:read"
WRITE = "notes:write"
LISTING = "list_notes"

POLICY = Policy(
    scopes={READ: "Read your notes", WRITE: "Add notes for you"},
    default=Scopes(),  # there is nothing besides these tools
    tools={"whoami": Scopes(), LISTING: Scopes({READ}), "add_note": Scopes({WRITE})},
)
"""Writing does not include reading: a client may be allowed to add notes without reading any."""

NoteText = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NOTE_CHARACTERS, description="The text of the note, kept as it is."),
]
ToolContext = Context[object, Request]


class Note(BaseModel):
    """A note as tools give it out."""

    number: int = Field(description="Number of the note, from 1, for each user.")
    text: str
    written_at: int = Field(description="Seconds since 1970.")


class NoteList(BaseModel):
    """Notes, oldest first."""

    notes: list[Note]


class Identity(BaseModel):
    """The user or client that a call acts for."""

    subject: str | None = Field(description="The user; null where a client acts for itself.")
    username: str | None = Field(description="The username.")
    client_id: str = Field(description="The client through which the call came.")
    scopes: list[str] = Field(description="The scopes that were granted to the client.")


class NotesTools:
    """The tools, which operate on the notes of the caller."""

    def __init__(self, notes: Notes, policy: PolicyWatcher) -> None:
        self._notes = notes
        self._policy = policy

    def add_to(self, server: MCPServer[object]) -> None:
        """Register every tool with `server`."""
        reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
        adds = ToolAnnotations(
            read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
        )
        server.add_tool(self.whoami, title="Who am I?", annotations=reads, structured_output=True)
        server.add_tool(self.list_notes, title="List notes", annotations=reads, structured_output=True)
        server.add_tool(self.add_note, title="Add a note", annotations=adds, structured_output=True)

    async def whoami(self, ctx: ToolContext) -> Identity:
        """Tell which user and which client this connection acts for, and which scopes it has."""
        principal = self._allowed("whoami", ctx)
        return Identity(
            subject=principal.subject,
            username=principal.username,
            client_id=principal.client_id,
            scopes=list(principal.scopes),
        )

    async def list_notes(self, ctx: ToolContext) -> NoteList:
        """List all notes of the user, oldest first. Needs the scope notes:read."""
        principal = self._allowed(LISTING, ctx)
        return NoteList(notes=[_note(note) for note in await self._notes.list(principal.owner)])

    async def add_note(self, text: NoteText, ctx: ToolContext) -> Note:
        """Write a note for the user and return it with its number. Needs the scope notes:write."""
        principal = self._allowed("add_note", ctx)
        try:
            return _note(await self._notes.add(principal.owner, text))
        except NotesFullError as error:
            raise ToolError("The maximum number of notes is reached.") from error

    def _allowed(self, tool: str, ctx: ToolContext) -> Principal:
        """Return the caller. The guard has checked the policy already; this check is a second barrier."""
        request = ctx.request_context.request
        if request is None:
            raise ToolError("This tool requires a request over HTTP.")
        principal = principal_in(request.scope)
        policy = self._policy.current
        if lacking := missing(policy, policy.for_tool(tool), principal):
            raise ToolError(f"This tool needs {' and '.join(sorted(map(str, lacking)))}.")
        return principal


def _note(note: StoredNote) -> Note:
    return Note(number=note.number, text=note.text, written_at=note.written_at)
