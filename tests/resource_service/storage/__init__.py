"""Tests of the store that processes of the resource service share."""
