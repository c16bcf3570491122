# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Bridge escrow, fifth piece: ratios, a drained lane's closing, amends
@license Apache-2.0
@author Tallystick
@notice What a ratio makes of a lane, how a lane that is drained closes, and how what a false message brought is
        made good.
@dev BridgeEscrowRecords hands every call here that it does not know; this code then runs on that storage, as the
     modules are the same in the same order, the variable behind them too. The chain ends here. It has no immutables,
     so that its hash is the same on every ledger.
@custom:security Runs by the delegated calls of the pieces before it; it can't be initialised itself.
@custom:kill The guardian cancels a closing that is under way. Ratios are followed whatever is paused.
"""
from contracts.bridge import closing
from contracts.bridge import denials
from contracts.bridge import endings
from contracts.bridge import flows
from contracts.bridge import lanes
from contracts.bridge import preview
from contracts.bridge import restating
from contracts.bridge import transit
from contracts.governance import access
from contracts.governance import stops

initializes: access
initializes: stops[access := access]
initializes: lanes[access := access, stops := stops]
initializes: flows[lanes := lanes]
initializes: transit[flows := flows, lanes := lanes]
initializes: preview[lanes := lanes]
initializes: endings[access := access, lanes := lanes]
initializes: denials[access := access, flows := flows, lanes := lanes, transit := transit]
initializes: restating[lanes := lanes]
initializes: closing[
    access := access, denials := denials, flows := flows, lanes := lanes, transit := transit
]

exports: (
    # over a ratio
    restating.follow_ratios,
    restating.bring_up,
    restating.restated,
    restating.action_epoch_of,
    restating.brought_up_to,
    # a drained lane's closing
    closing.propose_closing,
    closing.begin_closing,
    closing.cancel_closing,
    closing.closing_of,
    closing.say_last,
    closing.take_last,
    closing.count_arrivals,
    closing.close_lane,
    closing.pay_dust,
    # units that a denied message brought
    denials.propose_amends,
    denials.agree_amends,
    denials.withdraw_amends,
)

# Its place in the storage of all pieces: only the settings ask for it, and they are not behind this one.
_initialized: bool


@external
@reentrant
def __default__():
    """
    @notice Refuse what no piece knows, and a call without a function.
    @dev Takes no lock: the authority asks it for a next piece in a static call, where a lock is no refusal but a halt.
    """
    raise "escrow: no such function"
