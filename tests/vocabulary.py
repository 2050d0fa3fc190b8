"""The words and phrases that the project no longer uses, and why (CONTRIBUTING.md, *Vocabulary*)."""

from __future__ import annotations

import re

# Each has a term of the field in its place: see the vocabulary in CONTRIBUTING.md.
_CLASSES = (
    "Introductions ClientDocuments Openness Admission Admitted Demand Reach Catalogue KnownAs Pseudonyms Mint"
    " GrantOpener CodeIssuer Tokens Clients Users Grants Callers Caller ReturnAddress Responder DeviceAnswer"
    " Browsers Tally NoRoomError Announcements Feed Ring ConsoleDoor Shelf SpentProofs LocalTokens Shortening"
    " Conversation Outbox Wakeup InFront Given"
)
_VARIABLES = (
    "introductions openness admission demand grantable upheld vouched_by known_as pseudonyms meant_in mint"
    " opener in_sector return_address device_answer brakes forgive tally announcements all_is_well ring door"
    " console_door shelf hearing possession spent_proofs local_tokens agreement hiding shortening survey"
    " fair_share conversation outbox wakeup passed_on in_front stand_in by_operator asked said told known"
    " given found shown"
)
_MODULES = (
    "introductions respond brakes door asking hearing plain protected refusals possession spent_proofs"
    " local_tokens in_force agreement hiding survey faults fair_share conversation outbox wakeup stopping"
    " passed_on stand_in"
)

CLASSES, VARIABLES = frozenset(_CLASSES.split()), frozenset(_VARIABLES.split())
MODULES = frozenset(_MODULES.split())

# What a variable is not named after, in tests either: how its value came about.
_PARTICIPLES = "asked said told known given found shown meant gone got heard took"
PARTICIPLES = frozenset(_PARTICIPLES.split())

# Phrases without any legitimate use, in code, comments, messages, pages and documents alike.
_ARCHAIC = (
    *("who is none", "anew", "of late", "whoever", "for want of", "heeds?", "forthwith", "thereof"),
    *("for ever", "as is the case", "brakes", "lets? nobody in", "lets? anybody in", "goes? with the"),
)
_CLIPPED = (
    # "as long as", "no longer"
    *(r"so long(?! as)", r"(?:not?|nobody|none|never)\b[^.;:]{0,60}\bany more(?! than)\b(?=[.,;:]|$)"),
    # "is not a client", "are not keys"; "there is no client" is fine.
    r"(?<!there )(?<!there, )(?:is|are) no (?!longer|more|less|fewer|different|such|other)[a-z]+",
)
PHRASES = re.compile(rf"\b(?:{'|'.join((*_ARCHAIC, *_CLIPPED))})\b", re.IGNORECASE)

RIDDLE = re.compile(r"\s*(?:What|Whose|Whom|Of) ")
"""The beginning of a docstring that describes a thing instead of naming it."""

# The same in the names of tests, which are sentences.
TEST_NAMES = re.compile(
    r"_(?:anew|whoever|heeds?|for_ever|any_more|will_do|lets?_nobody_in|(?:is|are|was)_asked_for)(?:_|$)"
    r"|(?<!there)_(?:is|are)_no_(?!longer|more|less|fewer|such|other)"
    # A result is reported, sent or shown; somebody is a caller, a client or a person.
    r"|_(?:is|are)_said(?:_|$)|_said$|^test_who_|_cannot_be_had(?:_|$)"
)
