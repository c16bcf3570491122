"""Tallystick: digital-asset securities on several EVM ledgers, deployed and tested from Python.

Importing this package imports nothing else; take what you need from its modules.
"""

__version__ = "0.1.0"
