"""The version. The project file and both services read it from here."""

from __future__ import annotations

VERSION = "0.1.0"
