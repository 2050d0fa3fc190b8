"""Floods of every endpoint that needs no authentication, from many networks, in front of real servers."""
