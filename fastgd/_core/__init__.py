"""Compiled code; knows no class of the Python side."""
