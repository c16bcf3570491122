"""The keeper of ratios: has lanes taken over those that are in force at home, of all events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.bridge.carrying import Halt
from tallystick.chain import Account, Event
from tallystick.events.acts import Step
from tallystick.events.courier import Carried, Trial
from tallystick.events.kinds import word_text
from tallystick.events.over_ratio import OverRatio
from tallystick.reach.connection import Connection
from tallystick.reach.sending import Ledgers

__all__ = ["RatioKeeper"]

# What is told with each act, and what is logged of it.
_KINDS: Final = {
    ("tell_ratio", True): ("RATIO", "RatioSent"),
    ("tell_ratio", False): ("ENTERED", "EnteredSent"),
    ("send_figures", False): ("FIGURES", "FiguresSent"),
    ("carry_lane", True): ("LANE", "LaneCarried"),
}


@dataclass
class _Trial(Trial):
    """An epoch of a lane that is left, and what was refused of it last."""

    refused: Sequence[Step] = ()


class RatioKeeper(OverRatio):
    """Has every lane taken over each ratio that is in force at home; see `Actor`.

    Of a lane one epoch in each step, the first that is left. What is told is `EngineCourier`'s to
    carry, once it is final.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        account: Account | str = "",
        ledgers: Ledgers | None = None,
    ) -> None:
        self._sends = ledgers or Ledgers(connection, account)
        super().__init__(connection, account=account, ledgers=self._sends)
        self._steps = 0
        self._trials: dict[tuple[str, int], _Trial] = {}

    def carry(self) -> Iterator[Carried | Halt]:
        """Do what is due of each lane, one after the other; says what is refused, too."""
        self._steps += 1
        self._sends.begin()
        home = self.engines.home
        for remote, lane in self.engines.lanes.items():
            try:
                for ledger in (home, remote):
                    self._sends.watch(ledger)
                found = list(self._keep(remote))
            except Exception as error:  # noqa: BLE001 - whatever it is, other lanes go on
                yield Halt.by(error, home, remote, lane.id_bytes)
                continue
            yield from found

    def _keep(self, remote: str) -> Iterator[Carried]:
        """Do what is left of the first epoch that the lane is not carried into."""
        epoch = self._left(remote)
        if not epoch:
            return
        coaf = self._event_of(epoch)
        if coaf is None:
            return
        for step in self._tried_over(coaf, epoch, remote):
            if (said := self._said(step, coaf, remote)) is not None:
                yield said

    def _tried_over(self, coaf: bytes, epoch: int, remote: str) -> Iterator[Step]:
        """What is due, unless it was refused and rests."""
        # Of an epoch before it nothing is tried any more.
        trial = self._trials.get((remote, epoch), _Trial())
        self._trials = {key: kept for key, kept in self._trials.items() if key[0] != remote}
        self._trials[remote, epoch] = trial
        if trial.rests_until <= self._steps:
            steps = list(self.over(coaf, epoch, remote))
            # One thing a lane is enough to say.
            trial.refused = [step for step in steps if step.state == "refused"][:1]
            trial.note("refused" if trial.refused else "", self._steps)
            yield from (step for step in steps if step.state != "refused")
        yield from trial.refused

    def _left(self, remote: str) -> int:
        """The first epoch in force at home that the lane is not carried into; 0: there is none."""
        home = self.engines.home
        block, lane = self._block(home), self.engines.lanes[remote].id_bytes
        engine, token = self._engine(home), self.connection.token(home)
        left = 0
        # Each only on top of the one before: what is carried into one is into all before it.
        for epoch in range(int(token.action_epoch.call(block=block)), 0, -1):
            if engine.base_of.call(lane, epoch, block=block).is_carried:
                break
            left = epoch
        return left

    def _event_of(self, epoch: int) -> bytes | None:
        """The event that armed an epoch at home, as its log says and its storage keeps."""
        home, engine = self.engines.home, self._engine(self.engines.home)
        topic = epoch.to_bytes(32, "big")
        last = self._sends.watch(home).head.number
        for armed in self.engines.events(home, engine, "RatioArmed", None, topic, last=last):
            coaf = bytes(armed.coaf)
            if self._armed(home, coaf)[3] == epoch:
                return coaf
        return None

    def _said(self, step: Step, coaf: bytes, remote: str) -> Carried | None:
        """What became of an act; that it was done, or waits for what is carried, is no news."""
        if step.state not in {"executed", "refused"} and not step.tx_hash:
            return None
        home, by_home = self.engines.home, step.ledger == self.engines.home
        kind, log = _KINDS[step.act, by_home]
        sent: tuple[Event, ...] = step.receipt.named(log) if step.receipt else ()
        lane = self.engines.lanes[remote].id_bytes
        told = step.act != "carry_lane"
        done = "told" if told else "taken"
        return Carried(
            what=done if step.state == "executed" else step.state,
            kind=kind,
            subject=step.detail.partition(": ")[0] if kind == "FIGURES" else word_text(coaf),
            source=home if by_home and told else remote,
            destination=remote if by_home and told else home,
            id=bytes(sent[0].id) if sent and told else lane,
            detail="" if step.state == "executed" else step.detail.partition(": ")[2],
            tx_hash=step.tx_hash,
            gas_used=step.gas_used,
        )
