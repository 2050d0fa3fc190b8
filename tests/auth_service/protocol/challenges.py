"""The code challenge of RFC 7636 appendix B."""

from __future__ import annotations

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
