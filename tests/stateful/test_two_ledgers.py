"""Two ledgers and their model under random play, and proof that the play would notice a fault."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tallystick.bridge.figures import Figure, Landed, Landing
from tallystick.bridge.message import LaneMessage
from tallystick.chain import address_of
from tallystick.governance.roles import Role
from tallystick.token.closings import SLOTS
from tallystick.token.position import close_of
from tests.stateful.machine import (
    DAY,
    UNIT,
    Stage,
    SwarmMachine,
    TwoLedgers,
    TwoLedgersMachine,
    WithoutClockMachine,
    _bytes,
    _mapped,
)
from tests.stateful.model import Entered, LedgerModel, Model, Refusal, State, Transit
from tests.stateful.profiles import PARTS, Profile, chosen, play
from tests.stateful.roles import Term
from tests.support.closings import opening_key
from tests.support.flows import figure_key

NAME, PROFILE = chosen()

# What the runs of one part must have reached at least once; else the play is too tame.
REACHED = {
    ("lock", "done"),
    ("lock", "ERC20InsufficientBalance"),
    ("lock", "ERC7943CannotSend"),
    ("lock", "transit: deadline passed"),
    ("burn", "done"),
    ("burn", "ERC7943CannotSend"),
    ("deliver", "done"),
    ("deliver into suspense", "done"),
    ("deliver on a later page of nonces", "done"),
    ("deliver", "transit: before its lock time"),
    ("deliver again", "transit: delivered already"),
    ("deliver altered", "verifier: wrong signature"),
    ("deliver flipped", "verifier: wrong signature"),
    ("deliver flipped", "lanes: no such epoch now"),
    ("deliver elsewhere", "verifier: wrong signature"),
    ("deliver back", "transit: wrong direction"),
    ("deliver forged", "lanes: more than locked here"),
    ("deliver by too few", "verifier: too few signatures"),
    ("deliver altered", "transit: before its lock time"),
    ("claim", "done"),
    ("claim", "ERC7943CannotReceive"),
    ("transfer", "done"),
    ("batch transfer", "done"),
    ("enter order", "done"),
    ("enter order", "orders: entered already"),
    ("forced transfer", "done"),
    ("forced transfer", "orders: none to carry out"),
    ("withdraw order", "done"),
    ("withdraw dead order", "done"),
    ("withdraw dead order", "access: missing role"),
    ("freeze amount", "controls: orders block more"),
    ("deliver on an earlier page of nonces", "done"),
    ("claim", "custody: pay to itself"),
    ("lock", "transit: deadline too far"),
    ("deliver late", "done"),
    ("claim", "transit: past its deadline"),
    ("return", "done"),
    ("return", "transit: nothing to return"),
    ("return", "transit: before its deadline"),
    ("return", "transit: never goes back"),
    ("deliver a return, settled", "done"),
    ("deliver a return, in suspense", "done"),
    ("freeze amount", "done"),
    ("issue", "done"),
    ("redeem", "done"),
    ("bridge out", "done"),
    ("bridge in", "done"),
    ("bridge in", "bridges: more in than out"),
    ("activate", "done"),
    ("roll back", "done"),
    ("confirm signers", "done"),
    ("confirm signers", "lanes: change pending"),
    ("cancel terms", "done"),
    ("apply terms", "done"),
    ("apply terms", "lanes: change waits"),
    ("announce close", "done"),
    ("announce close", "book: close no longer kept"),
    ("keep", "done"),
    ("keep figure", "done"),
    ("keep figure", "flows: nothing to keep"),
    ("land after a close, delivered", "done"),
    ("land after a close, claimed", "done"),
    ("ask closings", "done"),
    ("make pool", "done"),
    ("make pool", "controls: account holds units"),
    ("make pool", "access: proposer lost its role"),
    ("end pool", "done"),
    ("ask closings of a pool", "done"),
    ("give role", "done"),
    ("give role", "access: proposal waits"),
    ("take role", "done"),
    ("take role", "access: last two administrators"),
    ("withdraw proposal", "done"),
    ("withdraw proposal", "access: a removal stands"),
    ("recover administrator", "done"),
    ("recover administrator", "access: proposal waits"),
    ("forced transfer", "orders: not in force"),
    ("batch_admit", "done"),
    ("batchSetFrozenTokens", "done"),
    ("batchSetAddressFrozen", "done"),
    ("batchMint", "done"),
    ("batchForcedTransfer", "done"),
    ("batchForcedTransfer", "orders: none to carry out"),
}


@pytest.fixture(autouse=True)
def counted() -> Counter[tuple[str, str]]:
    """Outcomes of this test alone."""
    TwoLedgers.outcomes.clear()
    return TwoLedgers.outcomes


@pytest.mark.requirement(
    "INV-1",
    "INV-2",
    "INV-3",
    "INV-4",
    "INV-5",
    "INV-9",
    "INV-10",
    "R-10",
    "R-41",
    "R-20",
    "R-24",
    "R-69",
)
@pytest.mark.parametrize("part", range(PARTS))
def test_ledgers_do_what_the_model_says(part, counted):
    # The last part plays with few rules a run, so that it can't reach everything.
    machine = TwoLedgersMachine if part < PARTS - 1 else SwarmMachine
    play(machine, part, PROFILE, name=NAME)
    repeats = PROFILE.repeats and "TALLYSTICK_HYPOTHESIS_SEED" not in os.environ
    if repeats and machine is TwoLedgersMachine:
        assert set(counted) >= REACHED, f"never reached: {sorted(REACHED - set(counted))}"


@pytest.mark.requirement("INV-1", "R-41")
def test_without_the_lock_time_rule_the_books_do_not_close():
    """The same play over escrows that don't wait: some past day has a unit twice."""
    quick = Profile(runs=PARTS * 200, steps=50, repeats=True, shrinks=False)
    with pytest.raises(AssertionError, match=r"closing sum|units in transit at the close"):
        play(WithoutClockMachine, 0, quick)


# ----------------------------------------------------------------------- planted faults


@pytest.fixture
def playing() -> TwoLedgers:
    """Some days of ordinary business, ending with a message under way and one in suspense."""
    two = TwoLedgers(Stage.of())
    two.transfer("home", "investor", "fund", UNIT)
    two.send("home", "fund", "investor", 700)
    waiting = two.send("home", "investor", "newcomer", 300)
    assert waiting is not None
    two.deliver_when_due(waiting, 0)
    for name in ("home", "remote"):
        two.to_the_close(name, 1)
    two.transfer("remote", "investor", "fund", 11)
    two.set_clock("home", by=DAY)
    two.set_clock("remote", by=DAY)
    two.transfer("home", "investor", "fund", 5)
    two.send("home", "fund", "investor", 9)
    two.check()
    assert waiting.state is State.SUSPENDED
    assert two.model.in_transit() == 709
    return two


def _position(two: TwoLedgers, by: int) -> None:
    books, token = two.books["home"], two.network.home.token
    account = two.address("home", "fund")
    slot = _slot_of(books, account)
    two.network.home.chain.set_storage(token, slot, books.position(account) + by)


def _slot_of(books, account: str) -> int:
    return _mapped(books.positions, _bytes(account))


def _shift(name: str, contract: str, slot: Callable[[object], int], by: int):
    def plant(two: TwoLedgers) -> None:
        suite, books = two.suites[name], two.books[name]
        where = slot(books)
        address = suite.token if contract == "token" else suite.escrow
        word = books.of_token(where) if contract == "token" else books.of_escrow(where)
        suite.chain.set_storage(address, where, word + by)

    return plant


def _opening(two: TwoLedgers) -> None:
    """Somebody rewrites history: an opening balance of a past day."""
    suite, books = two.network.home, two.books["home"]
    account = two.address("home", "fund")
    last = books.position(account) >> 224 & 0xFFFF
    key = opening_key(account, last % SLOTS)
    slot = _mapped(books.openings, key.to_bytes(32, "big"))
    suite.chain.set_storage(suite.token, slot, books.of_token(slot) + 1)


def _sent_slot(books) -> int:
    return _mapped(books.figures["SENT"], books.lane)


def _sent_before(two: TwoLedgers) -> None:
    """What the lane had sent before today's first message."""
    suite, books = two.network.home, two.books["home"]
    key = figure_key(Figure.SENT, two.model.today(two.model.home) % SLOTS).to_bytes(32, "big")
    slot = _mapped(books.lane_openings, books.lane, key)
    suite.chain.set_storage(suite.escrow, slot, books.of_escrow(slot) + 1)


def _landing(two: TwoLedgers) -> None:
    """Of units that are still under way."""
    suite, books = two.network.remote, two.books["remote"]
    message = next(t.message for t in two.model.transits if t.state is State.IN_TRANSIT)
    word = Landing(two.world.first_day + 1, Landed.DELIVERED).pack()
    suite.chain.set_storage(suite.escrow, _mapped(books.landed, message.id), word)


def _outbox(two: TwoLedgers) -> None:
    suite, books = two.network.home, two.books["home"]
    page = len(two.model.home.outbox)
    slot = _mapped(books.outbox, books.lane, page.to_bytes(4, "big"))
    suite.chain.set_storage(suite.escrow, slot, 1)


def _another_page(two: TwoLedgers) -> None:
    suite, books = two.network.remote, two.books["remote"]
    suite.chain.set_storage(suite.escrow, _mapped(books.arrived, books.lane, b"\1"), 1)


def _role(two: TwoLedgers) -> None:
    suite, account = two.network.home, two.keys.addresses["home", "stand-in"]
    slot = _mapped(two.books["home"].held, _bytes(account))
    suite.chain.set_storage(suite.token, slot, Role.REGISTRAR)


def _proposal_counts_sooner(two: TwoLedgers) -> None:
    two.keys.propose_role("home", "stand-in", Role.REGISTRAR)
    suite, books = two.network.home, two.books["home"]
    slot = _mapped(books.proposals, next(iter(two.keys.acts.values())))
    suite.chain.set_storage(suite.token, slot, books.of_token(slot) - DAY)


PLANTED = {
    "a role that nobody gave": (_role, "INV-9: home: stand-in has"),
    "a proposal that counts a day too soon": (_proposal_counts_sooner, "INV-9: home: .* counts"),
    "a pool that nobody made": (lambda two: _position(two, 1 << 255), "INV-5"),
    "a unit out of nothing": (lambda two: _position(two, 1), "INV-5"),
    "a unit lost": (lambda two: _position(two, -1), "INV-5"),
    "a frozen unit": (lambda two: _position(two, 1 << 104), "INV-5"),
    "more supply than positions": (_shift("remote", "token", lambda b: b.issue_slot, 1), "INV-5"),
    "less locked than issued": (_shift("home", "escrow", lambda b: b.ledger_slot, -1), "INV-2"),
    "suspense that nobody holds": (
        _shift("remote", "escrow", lambda b: b.suspense_slot, 1),
        "INV-2",
    ),
    "a message counted twice": (
        _shift("home", "escrow", lambda b: b.ledger_slot, 1 << 104),
        "INV-2",
    ),
    # Nonce 63 waits in suspense, 62 is under way; both are on the newest page, in the ledger word.
    "an arrival forgotten": (
        _shift("remote", "escrow", lambda b: b.ledger_slot, -(1 << 255)),
        "INV-3",
    ),
    "an arrival invented": (
        _shift("remote", "escrow", lambda b: b.ledger_slot, 1 << 254),
        "INV-3",
    ),
    "an arrival invented on another page": (_another_page, "INV-3"),
    "a message that nobody sent": (_outbox, "INV-4"),
    "history rewritten": (_opening, "closing"),
    "more sent than the outbox has": (_shift("home", "escrow", _sent_slot, 1), "figures"),
    "what had been sent rewritten": (_sent_before, "closing"),
    "a landing invented": (_landing, "landing"),
    "a stop lifted by nobody": (
        _shift("home", "escrow", lambda b: b.terms_slot, 1 << 161),
        "lane stops",
    ),
}


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-4", "INV-5")
@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_by_the_check_that_is_for_it(playing, fault):
    plant, said = PLANTED[fault]
    plant(playing)
    with pytest.raises(AssertionError, match=said):
        playing.check()


@pytest.mark.requirement("R-66")
def test_what_no_act_did_is_not_in_the_logs(playing):
    playing.rebuild()
    _position(playing, 1 << 104)
    with pytest.raises(AssertionError, match="home: not what the logs say"):
        playing.rebuild()


@pytest.mark.requirement("INV-1")
def test_a_planted_pair_of_faults_that_balances_a_ledger_is_found(playing):
    """A unit moved between two holders: all sums agree, the holders don't."""
    books, suite = playing.books["remote"], playing.network.remote
    for who, by in (("investor", 1), ("fund", -1)):
        account = playing.address("remote", who)
        suite.chain.set_storage(suite.token, _slot_of(books, account), books.position(account) + by)
    with pytest.raises(AssertionError, match=r"INV-5: remote: (investor|fund) has"):
        playing.check()


def _forgets_freezes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LedgerModel, "freeze_account", lambda *_: None)


def _forgets_deliveries(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LedgerModel, "epoch_refusal", lambda *_: "lanes: no such epoch now")


def _loses_a_unit_in_transit(patch: pytest.MonkeyPatch) -> None:
    original = Model.in_transit
    patch.setattr(Model, "in_transit", lambda model: max(original(model) - 1, 0))


def _counts_the_close_to_its_day(patch: pytest.MonkeyPatch) -> None:
    original = Model.transit_closing

    def late(model: Model, day: int) -> int:
        moment = close_of(day, model.close_minute)
        missed = sum(t.message.amount for t in model.transits if t.message.lock_time == moment)
        return original(model, day) + missed

    patch.setattr(Model, "transit_closing", late)


def _refuses_redemptions(patch: pytest.MonkeyPatch) -> None:
    # Any one tells, of nothing too.
    patch.setattr(LedgerModel, "redeem", lambda *_: "no redemption")


def _returns_twice(patch: pytest.MonkeyPatch) -> None:
    original = Model.return_to_source

    def again(model: Model, ledger: LedgerModel, message: LaneMessage) -> Refusal | None:
        refusal = original(model, ledger, message)
        if refusal is None:
            ledger.suspended[message.id] = message.amount
        return refusal

    patch.setattr(Model, "return_to_source", again)


def _claims_after_the_deadline(patch: pytest.MonkeyPatch) -> None:
    original = Model.claim

    def whenever(model: Model, *given: Any) -> Refusal | None:
        with pytest.MonkeyPatch.context() as inside:
            inside.setattr(Transit, "is_late", lambda *_: False)
            return original(model, *given)

    patch.setattr(Model, "claim", whenever)


def _credits_what_goes_back(patch: pytest.MonkeyPatch) -> None:
    original = Model.return_to_source

    def twice(model: Model, ledger: LedgerModel, message: LaneMessage) -> Refusal | None:
        refusal = original(model, ledger, message)
        if refusal is None:
            ledger.add(address_of(message.recipient[12:]), message.amount)
        return refusal

    patch.setattr(Model, "return_to_source", twice)


def _owes_nothing_again(patch: pytest.MonkeyPatch) -> None:
    original = Model.return_to_source

    def forgets(model: Model, ledger: LedgerModel, message: LaneMessage) -> Refusal | None:
        before = ledger.outstanding
        refusal = original(model, ledger, message)
        ledger.outstanding = before
        return refusal

    patch.setattr(Model, "return_to_source", forgets)


def _credits_who_is_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Transit, "is_late", lambda *_: False)


def _lets_orders_outlive_a_role(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Entered, "alive", lambda entered, now: now < entered.expires_at)


def _lets_proposals_outlive_a_role(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Term, "over", property(lambda _: False, lambda *_: None))


def _entitles_pools(patch: pytest.MonkeyPatch) -> None:
    original = Model.closing

    def all_of_it(model: Model, ledger: LedgerModel, account: str, day: int) -> tuple[int, int]:
        balance, entitled = original(model, ledger, account, day)
        return balance, entitled if account == ledger.custody else balance

    patch.setattr(Model, "closing", all_of_it)


def _leaves_half_a_batch(patch: pytest.MonkeyPatch) -> None:
    def some(_, acts):
        return next((refusal for act in acts if (refusal := act()) is not None), None)

    patch.setattr(LedgerModel, "all_or_none", some)


WRONG_MODELS = {
    "returns a message twice": _returns_twice,
    "claims after the deadline": _claims_after_the_deadline,
    "credits what goes back": _credits_what_goes_back,
    "owes nothing of what came back": _owes_nothing_again,
    "credits who is late": _credits_who_is_late,
    "lets orders outlive a role": _lets_orders_outlive_a_role,
    "lets proposals outlive a role": _lets_proposals_outlive_a_role,
    "entitles pools": _entitles_pools,
    "leaves half a batch": _leaves_half_a_batch,
    "forgets that accounts can be frozen": _forgets_freezes,
    "takes no signatures": _forgets_deliveries,
    "loses a unit in transit": _loses_a_unit_in_transit,
    "refuses redemptions": _refuses_redemptions,
}


@pytest.mark.requirement("INV-1")
@pytest.mark.parametrize("mistake", WRONG_MODELS)
def test_a_model_that_is_wrong_does_not_agree(mistake, monkeypatch):
    Stage.of()
    WRONG_MODELS[mistake](monkeypatch)
    with pytest.raises(AssertionError):
        play(TwoLedgersMachine, 0, Profile(runs=PARTS * 120, steps=40, repeats=True, shrinks=False))


def test_a_failing_play_is_shrunk_to_a_short_story(monkeypatch):
    """What a developer reads: the few acts that it takes, with the parties' names."""
    _refuses_redemptions(monkeypatch)
    monkeypatch.delenv("TALLYSTICK_HYPOTHESIS_SEED", raising=False)
    quick = Profile(runs=PARTS * 100, steps=30, repeats=True)
    with pytest.raises(AssertionError) as caught:
        play(TwoLedgersMachine, 0, quick)
    notes = caught.value.__notes__
    lines = "\n".join(notes).splitlines()
    acts = [line for line in lines if line.startswith("state.")]
    told = [line for line in acts if "books_balance" not in line and "teardown" not in line]
    assert told[0].startswith("state.clocks_differ_and_units_are_moving("), lines
    assert told[-1].startswith("state.redeem("), lines
    assert len(told) == 2, lines
    # Beside the act stands what it meant.
    assert any("# investor has " in line for line in lines), lines
    assert notes[-1] == "seed 20261126 (TALLYSTICK_HYPOTHESIS_SEED=20261126, part 0)"


@pytest.mark.requirement("INV-1", "R-41")
def test_a_lock_at_the_very_close_belongs_to_the_next_day(monkeypatch):
    """To the second: what leaves at the close was still its holder's at the close."""
    two = TwoLedgers(Stage.of())
    two.to_the_close("home", 0)
    day = two.network.home.token.business_day() - 1
    two.set_clock("remote", to=two.model.home.clock)
    # One transaction, in the block of the close itself.
    moved = two.send("home", "fund", "fund", 90)
    assert moved is not None
    assert moved.message.lock_time == close_of(day, two.model.close_minute)
    two.check()
    assert two.model.transit_closing(day) == 0
    two.to_the_close("home", 0)
    two.set_clock("remote", to=two.model.home.clock)
    two.check()
    assert two.model.transit_closing(day + 1) == 90
    two.deliver(moved)
    two.check()
    two.ask_closings(0)
    assert two.model.transit_closing(day + 1) == 90

    _counts_the_close_to_its_day(monkeypatch)
    with pytest.raises(AssertionError, match="units in transit at the close"):
        two.check()


def test_profiles_are_known_by_name(monkeypatch):
    monkeypatch.setenv("TALLYSTICK_HYPOTHESIS_PROFILE", "deep")
    assert chosen()[1].runs > PROFILE.runs or NAME == "deep"
    monkeypatch.setenv("TALLYSTICK_HYPOTHESIS_PROFILE", "quick")
    with pytest.raises(ValueError, match="expected dev, ci, deep, mutation"):
        chosen()


def test_ci_plays_the_same_every_time():
    """Runs of `ci` follow from their seed: a failure there is a failure here."""

    class Recorded(TwoLedgersMachine):
        pass

    seen: list[list[tuple[tuple[str, str], int]]] = []
    for _ in range(2):
        TwoLedgers.outcomes.clear()
        play(Recorded, 1, Profile(runs=PARTS * 6, steps=20, repeats=True))
        seen.append(sorted(TwoLedgers.outcomes.items()))
    assert seen[0] == seen[1]
