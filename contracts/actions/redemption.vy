# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Redemption: all units of an instrument end, against cash (INV-6, INV-12)
@license Apache-2.0
@author Tallystick
@notice Who held at the close of a redemption's record day is paid as of any event. The units end only once every part
        of that, on every ledger, was funded in full: then anyone has home announce to its token, as it does a ratio,
        that nothing is left of a unit from three days on. If the issuer does not pay, they stay.
@dev What other ledgers hold of it, they tell home (see `paid`): that a part is funded is for good, as it is opened
     with the last smallest unit, and pays out to who it is owed alone. From then on there is no way back, and none is
     needed: the event can't be cancelled since its payment day has come, nor reversed since it is armed. Other ledgers
     enter what home has armed as any ratio (see `arming`).
     What is in the lanes is part of the cut, and lands as nothing where it is bound for, which is what its claim asks.
"""
from interfaces import IBridgeEscrow
from interfaces import ISecurityToken

from contracts.actions import arming
from contracts.actions import cut
from contracts.actions import dispatch
from contracts.actions import events
from contracts.actions import figures
from contracts.actions import payments

uses: arming
uses: cut
uses: dispatch
uses: events
uses: payments

# As for `fix`: so long the lanes of a day are all known.
_MAX_DAYS: constant(uint256) = 100


@external
def redeem(coaf: bytes32, hints: uint256[2]):
    """
    @notice Home: announce to the token that nothing is left of a unit, three days from now, and tell it; once all
            that the version in force owes is funded in full, here and by word of every other ledger, from the payment
            day on.
    @dev Units that were issued since the record day are paid for by nobody: the issuer burns as many first.
    @param coaf The event.
    @param hints As for the token's `supply_at_close` and `came_at_close` of the record day.
    @custom:role anyone
    """
    events._check_home()
    version: events.Version = events._active(coaf)
    assert events._left[coaf] == 1 << events.BEFORE_SHIFT, "redemption: redeems no units whole"
    terms: uint256 = events._terms[coaf]
    day: uint256 = (terms >> payments.RECORD_SHIFT) & payments.DAY_MASK
    assert day != 0, "redemption: event is reversed"
    first_day: uint256 = (events._ratios[coaf] >> events.FIRST_DAY_SHIFT) & payments.DAY_MASK
    if first_day == 0:
        today: uint256 = staticcall ISecurityToken(dispatch.token).business_day()
        assert (
            today >= (terms >> payments.PAYMENT_SHIFT) & payments.DAY_MASK
        ), "redemption: not before payment day"
        assert today <= unsafe_add(day, _MAX_DAYS), "redemption: too long ago"
        self._check_funded(coaf, day)
        assert self._issued_now() <= self._issued_then(day, hints), "redemption: units issued since"
        first_day = unsafe_add(today, unsafe_add(arming.NOTICE, 1))
    arming._enter(
        arming.Ratio(
            coaf=coaf,
            version=version.version,
            state=arming.PENDING,
            epoch=unsafe_add(version.unit_epoch, 1),
            numerator=0,
            denominator=1,
            first_day=first_day,
        ),
        first_day,
        events.event_of[coaf].in_force,
    )


# ------------------------------------------------------------------------------ internal


@internal
@view
def _check_funded(coaf: bytes32, day: uint256):
    """
    @dev Revert unless every part of an event is fixed and was funded in full.
    """
    assert payments._is_funded(coaf, empty(bytes32)), "redemption: home's accounts not funded"
    for lane: bytes32 in staticcall IBridgeEscrow(dispatch.escrow).lanes_of(dispatch.instrument):
        # A lane that was opened since has nothing of that close, nor one that was closed before.
        if cut._has_books(lane, day):
            assert payments._is_funded(coaf, lane), "redemption: a lane's part not funded"
            assert payments._funded_there[coaf][lane], "redemption: other ledger not funded"
    elsewhere: bytes32 = cut._elsewhere()
    assert cut._shares[coaf][elsewhere] == 0 or payments._is_funded(
        coaf, elsewhere
    ), "redemption: other bridges not funded"


@internal
@view
def _issued_now() -> uint256:
    """
    @dev Base units that exist: here, in lanes, on other ledgers, with other bridges.
    """
    token: ISecurityToken = ISecurityToken(dispatch.token)
    others: ISecurityToken.Bridge = staticcall token.bridge_of(empty(address))
    return (staticcall token.totalSupply()) + others.went_out - others.came_in


@internal
@view
def _issued_then(day: uint256, hints: uint256[2]) -> uint256:
    """
    @dev The same at a close.
    """
    token: ISecurityToken = ISecurityToken(dispatch.token)
    came: uint256 = staticcall token.came_at_close(day, hints[1])
    return (staticcall token.supply_at_close(day, hints[0])) + (
        unsafe_sub(0, came) & figures.AMOUNT_MAX
    )
