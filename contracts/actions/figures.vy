# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Figures: what each ledger tells of itself at the close of a business day (R-13)
@license Apache-2.0
@author Tallystick
@notice A remote ledger tells home what its end of the lane held at a close; home keeps it, by lane and day.
@dev Read from the ledger's own storage alone, so that nobody's word is needed, and told by anyone, as often as wanted:
     a close's figures never change. They belong to a day, not to an event: events of one record day share them, and
     a plan may have them told every day. Two figures of one lane and day, both attested, can't both be: the
     second one does not revert, and nothing of that lane and day counts any more.
     Nobody counts arrivals: what a ledger has is what arrived and did not leave, by the lane or with other people's
     bridges, of which the token keeps count. See `tallystick/actions/cut.py`.

       figures  supply 104 | in suspense 104 | units' epoch 16 | told 1, contradicted 1;  sent 104 | came 104
"""
from interfaces import IBridgeEscrow
from interfaces import ISecurityToken

from contracts.actions import dispatch

uses: dispatch

_FIGURES_TYPEHASH: constant(bytes32) = keccak256(
    "Figures(bytes32 lane,uint256 day,uint256 epoch,uint256 supply,uint256 suspense,uint256 sent,uint256 came)"
)
AMOUNT_MAX: constant(uint256) = 2**104 - 1
_SUSPENSE_SHIFT: constant(uint256) = 104
_EPOCH_SHIFT: constant(uint256) = 208
_CAME_SHIFT: constant(uint256) = 104
_TOLD: constant(uint256) = 2**224
_CONTRADICTED: constant(uint256) = 2**225


struct Figures:
    lane: bytes32
    day: uint256
    # In whose units the closings are stated.
    epoch: uint256
    supply: uint256
    # The part of it that arrived and waits.
    suspense: uint256
    # What had left by the lane since it was opened, or since the epoch began, modulo 2**104.
    sent: uint256
    # What other people's bridges had brought in less what they had taken out, modulo 2**104.
    came: uint256


# lane of this instrument -> the ledger at its other end; learnt from the escrow once, since it never changes
_ledger_of: HashMap[bytes32, bytes32]
# lane -> day -> what its remote ledger told
_told: HashMap[bytes32, HashMap[uint256, uint256[2]]]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[31]


event FiguresSent:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    header: dispatch.Header
    figures: Figures


event FiguresTaken:
    lane: indexed(bytes32)
    figures: Figures


event FiguresContradicted:
    lane: indexed(bytes32)
    day: indexed(uint256)
    known: Figures
    shown: Figures


# ------------------------------------------------------------------------- anyone


@external
def send_figures(lane: bytes32, day: uint256, epoch: uint256, hints: uint256[4]):
    """
    @notice Remote: tell home what stood here at the close of a business day. Told again, it is the same message.
    @param lane The lane to home.
    @param day The business day.
    @param epoch In whose units its closings are stated.
    @param hints Later business days to start from, or 0 (see `balance_at_close`): of the supply, of the lane's
           custody, of what the lane sent, and of what other bridges carried.
    @custom:role anyone
    """
    assert not dispatch.is_home, "figures: home has its own"
    self._far_ledger(lane)
    assert self._is_epoch(day, epoch), "figures: not in those units"
    figures: Figures = Figures(
        lane=lane,
        day=day,
        epoch=epoch,
        supply=staticcall ISecurityToken(dispatch.token).supply_at_close(day, hints[0]),
        suspense=staticcall IBridgeEscrow(dispatch.escrow).suspense_at_close(lane, day, hints[1]),
        sent=staticcall IBridgeEscrow(dispatch.escrow).sent_at_close(lane, day, hints[2]),
        came=staticcall ISecurityToken(dispatch.token).came_at_close(day, hints[3]),
    )
    header: dispatch.Header = dispatch._send(dispatch.FIGURES, self._body(figures))
    log FiguresSent(lane=lane, id=dispatch._id(header), header=header, figures=figures)


@external
def take_figures(header: dispatch.Header, figures: Figures, attestation: Bytes[1034]) -> bool:
    """
    @notice Home: keep what a remote ledger told of a close.
    @dev Other figures than those kept stop that lane and day; they don't revert, or nobody could show them.
    @param header The message, as the remote engine logged it.
    @param figures What it tells.
    @param attestation What that ledger's verifier here asks for, in the domain of its engine.
    @return Whether they count; False: two figures contradict one another.
    @custom:role anyone
    """
    assert dispatch.is_home, "figures: at home only"
    dispatch._verify(header, dispatch.FIGURES, self._body(figures), attestation)
    assert (self._far_ledger(figures.lane) == header.source_ledger), "figures: from another ledger"
    assert (
        max(max(figures.supply, figures.suspense), max(figures.sent, figures.came)) <= AMOUNT_MAX
        and figures.epoch < 2**16
    ), "figures: out of range"
    words: uint256[2] = self._told[figures.lane][figures.day]
    shown: uint256 = (
        _TOLD
        | (figures.epoch << _EPOCH_SHIFT)
        | (figures.suspense << _SUSPENSE_SHIFT)
        | figures.supply
    )
    flows: uint256 = (figures.came << _CAME_SHIFT) | figures.sent
    if words[0] == 0:
        self._told[figures.lane][figures.day] = [shown, flows]
        log FiguresTaken(lane=figures.lane, figures=figures)
        return True
    assert words[0] & _CONTRADICTED == 0, "figures: contradicted"
    assert words[0] != shown or words[1] != flows, "figures: taken already"
    self._told[figures.lane][figures.day][0] = words[0] | _CONTRADICTED
    log FiguresContradicted(
        lane=figures.lane,
        day=figures.day,
        known=self._figures(figures.lane, figures.day),
        shown=figures,
    )
    return False


# -------------------------------------------------------------------------- views


@external
@view
def figures_at(lane: bytes32, day: uint256) -> (bool, Figures):
    """
    @notice Home: what a lane's remote ledger told of a close.
    @param lane The lane.
    @param day The business day.
    @return Whether it counts: it was told, and nothing else was.
    @return What was told first.
    """
    return (self._counts(lane, day), self._figures(lane, day))


# ----------------------------------------------------------------------- internal


@internal
@view
def _counts(lane: bytes32, day: uint256) -> bool:
    """
    @dev Whether figures are there that nothing contradicts.
    """
    return self._told[lane][day][0] & (_TOLD | _CONTRADICTED) == _TOLD


@internal
@view
def _figures(lane: bytes32, day: uint256) -> Figures:
    """
    @dev What was told first.
    """
    words: uint256[2] = self._told[lane][day]
    return Figures(
        lane=lane,
        day=day,
        epoch=(words[0] >> _EPOCH_SHIFT) & (2**16 - 1),
        supply=words[0] & AMOUNT_MAX,
        suspense=(words[0] >> _SUSPENSE_SHIFT) & AMOUNT_MAX,
        sent=words[1] & AMOUNT_MAX,
        came=words[1] >> _CAME_SHIFT,
    )


@internal
@view
def _is_epoch(day: uint256, epoch: uint256) -> bool:
    """
    @dev Whether this ledger's closings of a day are stated in units of an epoch: its ratio has begun by then, and the
         one after it has not.
    """
    return staticcall ISecurityToken(dispatch.token).epoch_on(day) == epoch


@internal
def _far_ledger(lane: bytes32) -> bytes32:
    """
    @dev The ledger at the other end of a lane of this instrument.
    """
    ledger: bytes32 = self._ledger_of[lane]
    if ledger == empty(bytes32):
        ledger = self._ends(lane).peer_ledger
        self._ledger_of[lane] = ledger
    return ledger


@internal
@view
def _ends(lane: bytes32) -> IBridgeEscrow.LaneEnds:
    """
    @dev Where a lane of this instrument ends.
    """
    ends: IBridgeEscrow.LaneEnds = staticcall IBridgeEscrow(dispatch.escrow).lane_ends(lane)
    assert ends.token == dispatch.token, "figures: of another's lane"
    return ends


@internal
@pure
def _body(figures: Figures) -> bytes32:
    """
    @dev EIP-712 struct hash of figures. All fields are one word, so that the ABI encoding is the struct encoding.
    """
    return keccak256(abi_encode(_FIGURES_TYPEHASH, figures))
