"""The Eurosystem's SCoRE standards for corporate actions that apply here, a module each.

Titles are the AMI-SeCo's; what a standard comes to on ledgers is ours. All fifteen, and where
those are that have no module, are in `docs/actions.md`.
"""
