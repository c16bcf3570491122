"""What each event of our contracts changes, pure; `tallystick.status.rebuild` folds a log with it.

What an event does not carry itself comes from its block (the time) and from the `PrivilegedAct`
before it (who acted, by which function).
"""

from tallystick.status.rules import actions, bridge, governance, proofs, registry, token

__all__ = ["actions", "bridge", "governance", "proofs", "registry", "token"]
