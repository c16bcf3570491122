"""The gas of lanes over a ratio: pending, the first act since, messages that were under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.rig import AMOUNT, DOCUMENT, REASON, ROOT
from tallystick import build
from tallystick.bridge.message import message_of
from tallystick.chain import Receipt
from tallystick.governance.roles import Role
from tallystick.reach.connection import Suite

if TYPE_CHECKING:
    from benchmarks.gas import Scenario

__all__ = ["LaneRatios"]

_DAY: Final = 86_400


class LaneRatios:
    """A lane with messages both ways at a reverse split, which drains then and closes."""

    def __init__(self, scenario: Scenario) -> None:
        self.rig, self.scenario = scenario.rig, scenario
        self.holder, self.guest = scenario.holders[0], scenario.guests[0]

    def run(self) -> dict[str, int]:
        """Return the gas by operation."""
        rig, scenario = self.rig, self.scenario
        for suite, account in ((rig.home, self.holder), (rig.remote, self.guest)):
            scenario.admit(suite, account)
        rig.network.issue([(self.holder, 1_000 * AMOUNT)])
        engines = [self._engine(suite) for suite in (rig.home, rig.remote)]
        for _ in range(3):
            scenario.deliver(scenario.lock(self.guest, 9 * AMOUNT)[1])
            scenario.deliver(scenario.burn(self.holder)[1])
        for engine, token in engines:
            act = (1, 7, int(token.business_day()) + 3, self._agent(token), REASON, DOCUMENT)
            engine.announce(*act, sender=self.holder)
        others = [scenario.lock(self.guest)[1], scenario.burn(self.holder)[1]]
        for operation, send, party in (
            ("lane.lock_send.ratio_pending", scenario.lock, self.guest),
            ("lane.burn_send.ratio_pending", scenario.burn, self.holder),
        ):
            receipt, message = send(party)
            scenario.note(operation, receipt)
            others.append(message)
        # Old messages, of which no number of base units is whole after it.
        out = [scenario.lock(self.guest, AMOUNT + more)[1] for more in range(3)]
        waits = [scenario.lock(self._stranger(), AMOUNT + more)[1] for more in range(2)]
        back = [scenario.burn(self.holder, AMOUNT + more)[1] for more in range(3)]
        for message in waits:
            scenario.deliver(message)
        rig.advance(3 * _DAY)
        self._first_acts(out, back)
        for message in (*others, *out[:2], *back[:2]):
            scenario.deliver(message)
        scenario.note("lane.deliver_mint.2of3.old_units", scenario.deliver(out[2]))
        scenario.note("lane.release.2of3.old_units", scenario.deliver(back[2]))
        self._closes(waits)
        return scenario.gas

    def _agent(self, token: Any) -> Any:
        """The holder at home, the guest on the remote ledger."""
        return self.holder if token is self.rig.home.token else self.guest

    def _stranger(self) -> Any:
        return self.scenario.guests[5]

    def _engine(self, suite: Suite) -> Any:
        """An engine that announces what anybody says, and its token."""
        build.add(build.sources(ROOT, "tests/contracts"))
        chain, token = suite.chain, suite.token
        engine = chain.deploy("ActionsEngineMock", token, suite.escrow, sender=self.holder)
        first, second = self.rig.network.administrators(suite.chain.name)
        token.propose_role(engine, Role.ACTIONS, REASON, DOCUMENT, sender=first)
        self.rig.advance(_DAY)
        token.assign_role(engine, Role.ACTIONS, REASON, DOCUMENT, sender=second)
        return engine, token

    def _first_acts(self, out: Any, back: Any) -> None:
        """Whichever act is the first at an end; the token there is brought up with it."""
        scenario, rig = self.scenario, self.rig
        acts = {
            "lane.lock_send.ratio_first_act": lambda: scenario.lock(self.guest)[0],
            "lane.burn_send.ratio_first_act": lambda: scenario.burn(self.holder)[0],
            "lane.deliver_mint.2of3.ratio_first_act": lambda: scenario.deliver(out[0]),
            "lane.release.2of3.ratio_first_act": lambda: scenario.deliver(back[0]),
            "lane.bring_up": lambda: rig.home.escrow.bring_up(rig.network.lane, sender=self.holder),
        }
        for operation, act in acts.items():
            with rig.home.chain.isolated(), rig.remote.chain.isolated():
                scenario.note(operation, act())

    def _closes(self, waits: Any) -> None:
        """What waited is claimed, its dust paid; all comes home, and the lane closes."""
        scenario, rig, lane = self.scenario, self.rig, self.rig.network.lane
        scenario.admit(rig.remote, self._stranger())
        scenario.note("lane.claim.old_units", rig.network.claim(waits[0]))
        rig.network.claim(waits[1])
        remote, home = rig.remote, rig.home
        scenario.note("lane.pay_dust", remote.escrow.pay_dust(lane, sender=self.guest))
        for account in (self.guest, self._stranger()):
            units = int(remote.token.balanceOf(account))
            if units:
                word = bytes(12) + bytes.fromhex(str(self.holder)[2:])
                rig.align()
                act = (lane, word, units, remote.chain.now + _DAY)
                receipt = remote.escrow.burn(*act, sender=account)
                scenario.deliver(message_of(receipt.one("MessageSent")))
        dust = int(home.escrow.lane_state(lane).outstanding)
        for suite, most in ((home, dust), (remote, 0)):
            operator = rig.network.party(suite.chain.name, "operator")
            suite.escrow.propose_closing(lane, most, REASON, DOCUMENT, sender=operator)
        rig.advance(4 * _DAY)
        for suite, most in ((home, dust), (remote, 0)):
            _, key = rig.network.administrators(suite.chain.name)
            act = (lane, most, REASON, DOCUMENT)
            scenario.gas.pop("lane.begin_closing", None)
            scenario.note("lane.begin_closing", suite.escrow.begin_closing(*act, sender=key))
        said = self._note("lane.say_last", home.escrow.say_last(lane, sender=self.holder))
        self._take(message_of(said.one("MessageSent")), remote)
        closed = self._note("lane.close.remote", remote.escrow.close_lane(lane, sender=self.guest))
        self._take(message_of(closed.one("MessageSent")), home)
        self._note("lane.close.home", home.escrow.close_lane(lane, sender=self.holder))

    def _note(self, operation: str, receipt: Any) -> Receipt:
        return self.scenario.note(operation, receipt)

    def _take(self, word: Any, suite: Suite) -> None:
        self.rig.align()
        proofs = self.rig.network.attestations(word)
        receipt = suite.escrow.take_last(word.as_tuple(), *proofs, sender=self.holder)
        self.scenario.gas.setdefault("lane.take_last", receipt.gas_used)
