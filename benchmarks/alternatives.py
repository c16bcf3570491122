"""`python -m benchmarks.alternatives`: position word, closings, messages against other designs.

Small contracts of one shape each (`benchmarks/contracts`), without proxy and roles, so that a
difference is the design's own. One chain, the same calls, clock and amounts for all of a table.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.rig import AMOUNT, UNTIL_DAY, hardfork_of, local_chain, pick_backend
from tallystick.bridge.outbox import PAGE
from tallystick.chain import Account, Chain, Contract, Receipt

__all__ = ["CLOSINGS", "POSITIONS", "closings", "main", "messages", "positions"]

_DAY: Final = 86_400
_CLOSE_MINUTE: Final = 1_260
DAYS: Final = 1_000

POSITIONS: Final[Mapping[str, str]] = {
    "ClosingsChainedMock": "one word, closings chained (ours)",
    "ClosingsNoneMock": "one word, no closings",
    "PositionTwoWordsMock": "two words, closings chained",
    "PositionMappingsMock": "a mapping for each field, no closings",
}
CLOSINGS: Final[Mapping[str, str]] = {
    "ClosingsChainedMock": "chained openings (ours)",
    "ClosingsCheckpointsMock": "array of checkpoints, search by halves",
    "ClosingsBitmapMock": "openings and a bitmap of days",
    "ClosingsNoneMock": "none",
}
SENDING: Final[Mapping[str, str]] = {
    "send_logged": "log only",
    "send_hashed": "id in a mapping",
    "send_in_page": "ids in pages of eight (ours)",
    "send_in_ring": "id in a ring of 256, in use",
    "send_chained": "one hash over all ids",
    "send_stored": "the whole message",
}
ARRIVING: Final[Mapping[str, str]] = {
    "arrive_without_guard": "nothing: no guard",
    "arrive_by_bit": "a bit for each nonce, a slot of its own",
    "arrive_by_flag": "a flag for each id",
    "arrive_in_ledger_word": "a bit for each nonce, the newest 64 in the ledger word (ours)",
}


def _gas(receipt: Any) -> int:
    assert isinstance(receipt, Receipt)
    return receipt.gas_used


class Holdings:
    """A mock token with two warm holders that moved today."""

    def __init__(self, chain: Chain, name: str) -> None:
        self.chain = chain
        self.one: Account = chain.account(20)
        self.two: Account = chain.account(21)
        self.token: Contract = chain.deploy(name, _CLOSE_MINUTE, sender=chain.account(0))
        for account in (self.one, self.two):
            self.token.admit(account, UNTIL_DAY, sender=chain.account(0))
            self.token.issue(account, 10**6 * AMOUNT, sender=chain.account(0))

    def transfer(self, amount: int = AMOUNT) -> int:
        return _gas(self.token.transfer(self.two, amount, sender=self.one))

    @property
    def today(self) -> int:
        return (self.chain.now - _CLOSE_MINUTE * 60) // _DAY + 1


# ----------------------------------------------------------------------------------- positions


def positions(chain: Chain) -> dict[str, tuple[int, int, int]]:
    """Return gas of a transfer, the same with frozen units, and the first of a later day."""
    found = {}
    for name in POSITIONS:
        with chain.isolated():
            holdings = Holdings(chain, name)
            plain = holdings.transfer()
            holdings.token.freeze(holdings.one, AMOUNT, sender=chain.account(0))
            frozen = holdings.transfer()
            chain.advance(_DAY)
            found[name] = plain, frozen, holdings.transfer()
    return found


# ------------------------------------------------------------------------------------ closings


def closings(chain: Chain, days: int = DAYS) -> dict[str, dict[str, int]]:
    """Return what each way of keeping closings costs to write and to read.

    The account moves on every day; then the closes 1, 100 and `days` days back are read, by
    transactions.
    """
    found: dict[str, dict[str, int]] = {}
    for name in CLOSINGS:
        with chain.isolated():
            holdings = Holdings(chain, name)
            row = found[name] = {"same day": holdings.transfer()}
            chain.advance(_DAY)
            row["first of a day"] = holdings.transfer()
            if name == "ClosingsNoneMock":
                continue
            for _ in range(days):
                chain.advance(_DAY)
                holdings.transfer(1)
            row |= _reads(holdings, name, days)
    return found


def _reads(holdings: Holdings, name: str, days: int) -> dict[str, int]:
    read, reader = holdings.token.balance_at_close, holdings.chain.account(0)
    row = {}
    for back in (1, 100, days):
        day = holdings.today - back
        row[f"read {back:,} back"] = _gas(read.send(holdings.one, day, sender=reader))
        if name == "ClosingsChainedMock":
            row[f"read {back:,} back, hint"] = _gas(
                read.send(holdings.one, day, day + 1, sender=reader)
            )
    return row


# ------------------------------------------------------------------------------------ messages


def messages(chain: Chain) -> tuple[dict[str, int], dict[str, int]]:
    """Return gas of sending by what the source keeps, of arriving by what the destination keeps.

    Sending is warm: not a lane's first message; the mean of eight in a row, arriving of 256.
    """
    sender, lane = chain.account(0), b"\x5a" * 32
    party = b"\x11" * 20
    message = (
        1,
        1,
        lane,
        300,
        1_750_000_000,
        0,
        AMOUNT,
        bytes(12) + party,
        bytes(12) + party,
        2**40,
    )
    sending = {}
    for name in SENDING:
        with chain.isolated():
            store = chain.deploy("MessageStoreMock", sender=sender)
            send = getattr(store, name)
            for _ in range(258 if name == "send_in_ring" else 2):
                send(message, sender=sender)
            # Other messages: nothing is written over with what it was.
            others = [(*message[:6], AMOUNT + 1 + n, *message[7:]) for n in range(PAGE)]
            gas = [_gas(send(other, sender=sender)) for other in others]
            sending[name] = sum(gas) // len(gas)
    arriving = {}
    for name in ARRIVING:
        with chain.isolated():
            store = chain.deploy("MessageStoreMock", sender=sender)
            arrive = getattr(store, name)
            for nonce in range(256):
                arrive(lane, nonce, AMOUNT, sender=sender)
            gas = [_gas(arrive(lane, 256 + n, AMOUNT, sender=sender)) for n in range(256)]
            arriving[name] = sum(gas) // len(gas)
    return sending, arriving


# ---------------------------------------------------------------------------------------- main


def _print(heads: Sequence[str], rows: Mapping[str, Sequence[int | None]]) -> None:
    print(f"| {' | '.join(heads)} |")
    print(f"|---|{'---:|' * (len(heads) - 1)}")
    for name, values in rows.items():
        print(f"| {name} | {' | '.join('-' if v is None else f'{v:,}' for v in values)} |")
    print()


def main() -> int:
    """Print the tables of the three design records."""
    backend = pick_backend()
    print(f"measured on {backend}, hard fork {hardfork_of(backend)}\n")
    with local_chain(backend, "home", 41_001, 1) as chain:
        _print(
            ("position", "transfer", "with frozen units", "first of a later day, both"),
            {POSITIONS[name]: row for name, row in positions(chain).items()},
        )
        found = closings(chain)
        heads = list(found["ClosingsChainedMock"])
        _print(
            ("closings", *heads),
            {CLOSINGS[name]: [row.get(head) for head in heads] for name, row in found.items()},
        )
        sending, arriving = messages(chain)
        for names, rows in ((SENDING, sending), (ARRIVING, arriving)):
            base = next(iter(rows.values()))
            _print(
                ("kept", "gas", "of which keeping it"),
                {names[name]: (gas, gas - base) for name, gas in rows.items()},
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
