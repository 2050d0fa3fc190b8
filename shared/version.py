"""The version, written once: the project file and both services read it here."""

from __future__ import annotations

VERSION = "0.1.0"
