"""Attests and delivers what is pending on every lane."""
