"""What a token is asked after each step of its play, and what its model answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.chain import Revert
from tests.support.closings import WEEK
from tests.support.token_state import LINK, POOL
from tests.support.world import AMOUNT_MAX, NO_DOCUMENT, NO_REASON, ZERO
from tests.token.token_stage import ACCOUNTS, KEYS, STAND_INS, act_hash

if TYPE_CHECKING:
    from tests.token.token_stage import Calls

_NO_EPOCH = "ratios: no amount, or no later epoch in force"


def check(play: Calls, *, closings: bool = True) -> None:
    """Every view of now, and every past close that is promised, of everybody.

    Raises:
        AssertionError: one is not as the model says.
    """
    _check_amounts(play)
    _check_accounts(play)
    _check_instrument(play)
    _check_bridges(play)
    _check_orders_and_keys(play)
    if closings:
        _check_closings(play)


def _check_amounts(play: Calls) -> None:
    """Supply and ratios; and the supply is its positions and what is uncollected."""
    model, token = play.model, play.token
    assert token.action_epoch() == model.epoch, "action_epoch"
    assert token.totalSupply() == model.supply, "totalSupply"
    assert token.authorised() == model.authorised + model.bridged, "authorised"
    for epoch, ratio in enumerate((*model.past, *model.pending), start=1):
        kept, raised = token.ratio_at(epoch), epoch <= model.raised
        found = (kept.numerator, kept.denominator, kept.first_day, str(kept.agent))
        wanted = (ratio.numerator, ratio.denominator, ratio.first_day, ratio.agent)
        assert found == wanted, f"ratio_at({epoch}) {found}, not {wanted}"
        left = (model.written[epoch], model.own[epoch]) if raised else (0, 0)
        assert (kept.remainders, kept.supply_remainder) == left, f"remainders of {epoch}"
    assert token.ratio_at(model.epoch + len(model.pending) + 1).numerator == 0, "one ratio more"
    _check_epochs(play)
    positions = sum(holding.balance for holding in model.holdings.values())
    assert model.supply == positions + model.uncollected(), "the model loses units"


def _check_epochs(play: Calls) -> None:
    """Which epoch a close is in, and what an amount of an earlier one is now; one a step."""
    model, token = play.model, play.token
    ratios = (*model.past, *model.pending)
    days = [model.day, *(ratio.first_day - before for ratio in ratios for before in (0, 1))]
    day = days[play.steps % len(days)]
    begun = sum(ratio.first_day <= day for ratio in ratios)
    assert token.epoch_on(day) == begun, f"epoch_on({day})"
    since = play.steps % (model.epoch + 1)
    amount = wanted = play.steps * 1_000_003
    for ratio in ratios[since : model.epoch]:
        wanted = wanted * ratio.numerator // ratio.denominator
    assert token.carried(amount, since, model.epoch) == wanted, f"carried({amount}, {since})"
    for false in ((amount, since, model.epoch + 1), (1, since, since - 1), (2**104, since, since)):
        if false[2] >= 0:
            with pytest.raises(Revert, match=_NO_EPOCH):
                token.carried(*false)


def _check_accounts(play: Calls) -> None:
    """Each position; the views of single fields in turn."""
    model, token = play.model, play.token
    for at, who in enumerate(ACCOUNTS):
        account = play.address(who)
        standing, holding = model.standing(account), model.holdings[account]
        seen = token.position_of(account)
        amounts = (seen.balance, seen.frozen, seen.epoch)
        by_model = (holding.balance, holding.frozen, model.epoch)
        assert amounts == by_model, f"{who}: (balance, frozen, epoch) {amounts}, not {by_model}"
        found = (seen.eligible_until, seen.account_frozen, seen.link, seen.pool, seen.orders)
        of_class = standing.account_class
        orders = sum(order.sender == account for order in model.orders)
        wanted = (standing.until, standing.frozen, of_class == LINK, of_class == POOL, orders)
        assert found == wanted, f"{who}: (until, frozen, link, pool, orders) {found}, not {wanted}"
        last = max(holding.moved, default=0)
        assert seen.last_movement == last, f"{who} moved on {seen.last_movement}, not {last}"
        if at != play.steps % len(ACCOUNTS):
            continue
        assert token.balanceOf(account) == holding.balance, f"{who}: balanceOf"
        assert token.getFrozenTokens(account) == holding.frozen, f"{who}: getFrozenTokens"
        assert token.isFrozen(account) == standing.frozen, f"{who}: isFrozen"
        assert token.eligible_until(account) == standing.until, f"{who}: eligible_until"
        assert token.is_link(account) == (of_class == LINK), f"{who}: is_link"
        for caller in (account, play.address("stand-in")):
            may = model.may_move(account, caller)
            assert token.canSend(account, sender=caller) == may, f"{who}: canSend"
            assert token.canReceive(account, sender=caller) == may, f"{who}: canReceive"
        for spender in ACCOUNTS:
            by = play.address(spender)
            allowed = model.allowances.get((account, by), 0)
            assert token.allowance(account, by) == allowed, f"{who} allows {spender}"


def _check_instrument(play: Calls) -> None:
    """What stands of all of it."""
    model, token = play.model, play.token
    assert token.business_day() == model.day
    assert token.paused() == model.stopped(), "paused"
    assert token.paused_scopes() == model.scopes(), "paused_scopes"
    assert token.is_suspended() == model.suspended, "is_suspended"
    assert token.is_live() == model.live, "is_live"
    assert str(token.set_up_key()) == model.set_up_key, "set_up_key"
    latest = sorted(model.closes.calendar, reverse=True)
    assert list(token.announced_closes()) == latest, "announced_closes"
    word = sum(day << 16 * at for at, day in enumerate(latest))
    assert token.calendar() == word, "calendar"


def _check_bridges(play: Calls) -> None:
    """What a bridge carried, and can carry now."""
    model, token, bridge = play.model, play.token, play.address("bridge")
    for named in (bridge, ZERO):
        seen = token.bridge_of(named)
        wanted = (False, model.came_in, model.bridged + model.came_in)
        assert (seen.ours, seen.came_in, seen.went_out) == wanted, "bridge_of"
    inward, outward = model.limits
    assert token.mintingMaxLimitOf(bridge) == inward.most, "mintingMaxLimitOf"
    assert token.burningMaxLimitOf(bridge) == outward.most, "burningMaxLimitOf"
    stops = model.bridge_stopped()
    left = [0 if stops else limit.now(model.now) for limit in model.limits]
    assert token.mintingCurrentLimitOf(bridge) == min(left[0], model.bridged), "minting limit"
    assert token.burningCurrentLimitOf(bridge) == left[1], "burning limit"


def _check_orders_and_keys(play: Calls) -> None:
    """Orders in force, who holds which role, what is proposed and instructed."""
    model, token = play.model, play.token
    caller = play.address("custodian")
    for order in model.legal_orders():
        seen = token.order_in_force(*order.named_as, sender=caller)
        found = (str(seen.registrar), seen.reason, seen.expires_at, seen.amount)
        wanted = (ZERO, NO_REASON, 0, 0)
        if model.in_force(order, caller):
            wanted = (order.term.account, order.reason, order.expires_at, order.units)
        assert found == wanted, f"order_in_force {found}, not {wanted}"
    assert token.administrators() == model.roles.administrators, "administrators"
    keys = [*KEYS, *STAND_INS]
    who = keys[play.steps % len(keys)]
    for each in {who, "registrar"}:
        account = play.address(each)
        assert token.role_of(account) == model.roles.role_of(account), f"{each}: role_of"
    for each in ("custodian", "issuer", "investor")[play.steps % 3 :][:1]:
        said = model.instructions.get(play.address(each), (NO_REASON, NO_DOCUMENT))
        kept = token.standing_instruction(play.address(each))
        assert (kept.reason, kept.document) == said, f"{each}: standing_instruction"
    for act in play.proposed[-2:]:
        kept, proposal = token.proposal_of(act_hash(act)), model.roles.proposals.get(act)
        found = (str(kept.proposer), kept.proposer_role, kept.confirmer_role, kept.counts_from)
        wanted_act = (ZERO, 0, 0, 0)
        if proposal is not None:
            term = proposal.term
            sides = int(term.role), int(proposal.confirmer)
            wanted_act = (term.account, *sides, proposal.counts_from)
        assert found == wanted_act, f"{act}: proposal_of {found}, not {wanted_act}"


def _check_closings(play: Calls) -> None:
    """Every promised close: of the last week, of announced days, and of those that were kept."""
    model, token, since = play.model, play.token, play.stage.since
    kept = {day for _, day in model.closes.kept}
    days = {*range(max(since, model.day - WEEK), model.day), *model.closes.announced, *kept}
    for day in sorted(each for each in days if since <= each < model.day):
        if model.promised(ZERO, day):
            said = token.supply_at_close(day, model.hint(ZERO, day))
            assert said == model.supplies[day], f"supply {said} at the close of {day}"
        if model.promised(model.address, day):
            said = token.came_at_close(day, model.hint(model.address, day))
            wanted = -model.outs[day] & AMOUNT_MAX
            assert said == wanted, f"bridges {said} at the close of {day}, not {wanted}"
        for at, (account, holding) in enumerate(model.holdings.items()):
            if not model.promised(account, day):
                continue
            hint, balance = model.hint(account, day), holding.closings[day]
            said = token.balance_at_close(account, day, hint)
            assert said == balance, f"{account}: {said} at the close of {day}, not {balance}"
            # Of accounts that were no mere holders always, of the others one in turn.
            if account in play.classed or at == play.steps % len(model.holdings):
                was = model.standing(account).classes[day]
                entitled = token.entitled_at_close(account, day, hint)
                pooled = token.pooled_at_close(account, day, hint)
                wanted_two = (0 if was else balance, balance if was == POOL else 0)
                assert (entitled, pooled) == wanted_two, f"{account}: entitled, pooled on {day}"
    # Without a hint the last week is answered too.
    if since < model.day:
        day = model.day - 1
        assert token.supply_at_close(day) == model.supplies[day]
        account = play.address(ACCOUNTS[play.steps % len(ACCOUNTS)])
        assert token.balance_at_close(account, day) == model.holdings[account].closings[day]


def check_constants(play: Calls) -> None:
    """What no call changes.

    Raises:
        AssertionError: one changed.
    """
    token = play.token
    for view, wanted in play.stage.constants.items():
        said = getattr(token, view)()
        assert said == wanted, f"{view}: {said}, not {wanted}"
    for interface, there in (("0x01ffc9a7", True), ("0x3edbb4c4", True), ("0xffffffff", False)):
        assert token.supportsInterface(bytes.fromhex(interface[2:])) is there, interface
