"""Who is on the lists of a dead ledger's end, from its logs up to the last block, and home's.

Everybody who has both makes the same list: amounts of one account are one leaf, in the order of
the accounts' numbers. The first list has what lay on the dead ledger and what never came there; a
further one what had left it and was not home when the lane ended. All of it is in the units of the
ledger's action epoch at its last block: after a ratio that takes the state of that block, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick.bridge.endings import EndList
from tallystick.bridge.message import (
    FIRST_CODEC,
    SUSPENSE_ENDS,
    Kind,
    LaneMessage,
    message_of,
    party_address,
)
from tallystick.chain import Contract

__all__ = ["Due", "Found", "Units", "differences", "due_at_last", "due_on_the_way"]

_NOBODY: Final = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Due:
    """Units of a dead ledger: for an account at home, or for one there whose holder is to be found.

    `why` is `account`, `suspense`, `outward` or `homeward`; `there` is nobody's if the account at
    home follows from the message.
    """

    why: str
    amount: int
    home: str = ""
    there: str = ""


@dataclass(frozen=True)
class Found:
    """What was found; `homes` says whose account at home is whose there."""

    dues: tuple[Due, ...]
    homes: Mapping[str, str]

    def account(self, due: Due) -> str:
        """The account at home; nothing: nobody knows it yet."""
        return due.home or self.homes.get(due.there, "")

    @property
    def missing(self) -> tuple[Due, ...]:
        """Whose account at home is not known: a further list may have them."""
        return tuple(due for due in self.dues if not self.account(due))

    def listed(self, lane: bytes, number: int) -> EndList:
        """The list of all whose account is known."""
        sums: Counter[str] = Counter()
        for due in self.dues:
            if account := self.account(due):
                sums[account] += due.amount
        shares = sorted(sums.items(), key=lambda share: int(share[0], 16))
        return EndList.of(lane, number, shares)


def due_at_last(
    lane: bytes, home: Contract, remote: Contract, token: Contract, custody: str, last: int
) -> tuple[Due, ...]:
    """Return what the first list is made of.

    Args:
        lane: the lane.
        home: the escrow at home.
        remote: the escrow on the dead ledger.
        token: the token there.
        custody: the lane's custody there: it holds what is in suspense.
        last: the last block there.

    Raises:
        ValueError: the logs do not say who holds what was issued: some are missing.
    """
    units = Units(token, last)
    return (
        *_accounts(token, custody, units),
        *_suspense(lane, home, remote, units),
        *_outward(lane, home, remote, units),
    )


def due_on_the_way(
    lane: bytes, home: Contract, remote: Contract, token: Contract, last: int
) -> tuple[Due, ...]:
    """Return what left the dead ledger and is not home; asked once the lane has ended there."""
    arrived = set(_named(home.events(), "MessageDelivered", lane))
    units, sent = Units(token, last), _sent(remote.events(0, last), lane)
    return tuple(due for m in sent.values() if m.id not in arrived for due in _homeward(m, units))


def differences(ours: EndList, theirs: EndList) -> tuple[str, ...]:
    """Say in words, account by account, where a list is another than it should be."""
    due = {leaf.account: leaf.amount for leaf in ours.leaves}
    got: Counter[str] = Counter()
    for leaf in theirs.leaves:
        got[leaf.account] += leaf.amount
    words = [
        f"{account}: {got[account]} base units listed, {due.get(account, 0)} expected"
        for account in sorted(due.keys() | got.keys(), key=lambda each: int(each, 16))
        if got[account] != due.get(account, 0)
    ]
    if not words and ours.root != theirs.root:
        words.append(f"root {theirs.root.hex()}, {ours.root.hex()} expected: another order")
    return tuple(words)


class Units:
    """What amounts are at a ledger's last block.

    Args:
        token: the token there.
        last: the block.

    Attributes:
        epoch: the ledger's action epoch then.
    """

    def __init__(self, token: Contract, last: int) -> None:
        self._token = token
        self.last = last
        self.epoch = int(token.action_epoch.call(block=last))

    def carried(self, amount: int, since: int) -> int:
        """Return an amount of an earlier epoch, rounded down at each ratio."""
        if since == self.epoch:
            return amount
        if since > self.epoch:
            raise ValueError(f"units of a ratio {since}, and {self.epoch} are in force there")
        return int(self._token.carried.call(amount, since, self.epoch, block=self.last))

    def balance(self, account: str) -> int:
        """Return what an account has."""
        return int(self._token.balanceOf.call(account, block=self.last))


def _accounts(token: Contract, custody: str, units: Units) -> Iterator[Due]:
    held: Counter[str] = Counter()
    for event in token.events(0, units.last):
        if event.name == "Transfer":
            held[str(event.args["sender"])] -= int(event.args["value"])
            held[str(event.args["receiver"])] += int(event.args["value"])
    del held[_NOBODY], held[custody]
    if units.epoch:
        # No transfer says what a ratio made of an account.
        held = Counter({account: units.balance(account) for account in held})
    if any(amount < 0 for amount in held.values()):
        raise ValueError("an account of less than nothing: logs of the token are missing")
    for account in sorted(held, key=lambda each: int(each, 16)):
        if held[account]:
            yield Due("account", held[account], there=account)


def _suspense(lane: bytes, home: Contract, remote: Contract, units: Units) -> Iterator[Due]:
    waits: dict[bytes, int] = {}
    for event in remote.events(0, units.last):
        if event.args.get("lane") != lane:
            continue
        if event.name == "UnitsSuspended":
            waits[bytes(event.args["id"])] = int(event.args["amount"])
        elif event.name in SUSPENSE_ENDS:
            del waits[bytes(event.args["id"])]
    sent = _sent(home.events(), lane)
    for id_, amount in waits.items():
        message = sent.get(id_)
        if message is None:
            raise ValueError(f"message {id_.hex()} waits there, and home's logs lack it")
        if units.epoch:
            amount = int(remote.waiting.call(message.as_tuple(), block=units.last))
        if not amount:
            continue
        late = message.codec != FIRST_CODEC and not Kind(message.kind).returned
        yield Due(
            "suspense",
            amount,
            home=party_address(message.sender) if late else "",
            there="" if late else party_address(message.recipient),
        )


def _outward(lane: bytes, home: Contract, remote: Contract, units: Units) -> Iterator[Due]:
    arrived = set(_named(remote.events(0, units.last), "MessageDelivered", lane))
    for message in _sent(home.events(), lane).values():
        if message.id in arrived:
            continue
        amount = units.carried(message.amount, message.action_epoch)
        if not amount:
            continue
        if Kind(message.kind).returned:
            yield Due("outward", amount, there=party_address(message.recipient))
        else:
            yield Due("outward", amount, home=party_address(message.sender))


def _homeward(message: LaneMessage, units: Units) -> Iterator[Due]:
    """Past its deadline it is for who sent it; a return, and what has none, for its recipient."""
    amount = units.carried(message.amount, message.action_epoch)
    # A denial, and a last word, bring nothing.
    if not amount:
        return
    if message.codec == FIRST_CODEC or Kind(message.kind).returned:
        yield Due("homeward", amount, home=party_address(message.recipient))
    else:
        yield Due("homeward", amount, there=party_address(message.sender))


def _sent(events: Iterable[Any], lane: bytes) -> dict[bytes, LaneMessage]:
    """The messages of a lane, by id, in the order of their nonces."""
    found = (message_of(e) for e in events if e.name == "MessageSent" and e.args["lane"] == lane)
    return {m.id: m for m in sorted(found, key=lambda m: m.nonce)}


def _named(events: Iterable[Any], name: str, lane: bytes) -> Iterator[bytes]:
    for event in events:
        if event.name == name and event.args["lane"] == lane:
            yield bytes(event.args["id"])
