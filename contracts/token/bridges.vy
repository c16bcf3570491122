# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Bridges: who may call the ERC-7802 functions, how much a day, and what each carried
@license Apache-2.0
@author Tallystick
@notice Ours are the escrow and the custodies of a remote ledger: each of their movements has a message of a lane.
        Everybody else's is a contract with limits, and is counted.
@dev The registrar proposes a bridge's limits, the custodian carries them out; the guardian alone sets them to 0. A
     limit is what a bridge carries a day in one direction, in the terms of ERC-7281: what was used comes
     back linearly within a day, rounded down. Setting a limit never brings back what was used, and a new
     one begins with nothing: it waits, as a role does.
     At home a bridge brings in no more than it took out, whatever it says, and what is with bridges counts
     against what the notary authorised. A bridge with limits of 0 has ended; its counts stay.
     What is under way with a bridge that isn't ours knows nothing of a ratio. It stops for the last business day before
     one, and stays so until its limits are set anew: by then its other side has to be in the new units. Here
     its counts become what it owes, or is owed, rounded down.

     What all of them brought in less what they took out has closings, as supply and accounts do and by the same
     code (`book`): of announced days for ever, of the last week's all. It is kept under the token's own address,
     which holds no units; in an opening the pool's flag says that more went out.

       bridge  came in 104 | went out 104 | - 16 | of all: last movement 16 | epoch 7 | - | ours 1
       limit   a day 104   | left 104     | as of 40
"""
from interfaces import IReleaseAuthority

from contracts.governance import access
from contracts.governance import code
from contracts.governance import instruction
from contracts.token import book
from contracts.token import controls
from contracts.token import erc20
from contracts.token import position

uses: access
uses: book
uses: controls
uses: erc20


# keccak256(abi_encode("BridgeEscrow", "")): the name under which the authority keeps it; a test compares.
_ESCROW: constant(bytes32) = 0x5d3546fd6b4f404dd8e116127ad1e0e95793c9a8f2f5ed46f42d10684b6399d4
OURS: constant(uint256) = 2**255
INWARD: constant(uint256) = 0
OUTWARD: constant(uint256) = 1
# What all bridges carried together is kept under the one address that is none.
ALL: constant(address) = empty(address)
_UPPER_SHIFT: constant(uint256) = 104
_TIME_SHIFT: constant(uint256) = 208
_PERIOD: constant(uint256) = 86400


struct Bridge:
    ours: bool
    came_in: uint256
    went_out: uint256


_bridges: HashMap[address, uint256]
# bridge << 1 | direction -> its limit
_limits: HashMap[uint256, uint256]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event BridgeLimitsProposed:
    act: indexed(bytes32)
    bridge: indexed(address)
    minting_limit: uint256
    burning_limit: uint256


event BridgeLimitsSet:
    minting_limit: uint256
    burning_limit: uint256
    bridge: indexed(address)


@external
def propose_bridge(
    bridge: address,
    minting_limit: uint256,
    burning_limit: uint256,
    reason: bytes4,
    document: bytes32,
) -> bytes32:
    """
    @notice The registrar proposes what a bridge may carry a day; the custodian carries it out with `set_bridge`.
    @param bridge The contract that will call.
    @param minting_limit Most that it brings in a day; the largest uint256, for ours, is no limit.
    @param burning_limit Most that it takes out a day; the same.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role registrar
    """
    act: bytes32 = self._act(bridge, minting_limit, burning_limit)
    access._propose(act, access.REGISTRAR, access.CUSTODIAN, bridge, reason, document)
    log BridgeLimitsProposed(
        act=act, bridge=bridge, minting_limit=minting_limit, burning_limit=burning_limit
    )
    return act


@external
def set_bridge(
    bridge: address,
    minting_limit: uint256,
    burning_limit: uint256,
    reason: bytes4,
    document: bytes32,
):
    """
    @notice Set what a bridge may carry a day in each direction; 0 and 0 end it.
    @dev By the set-up key, or by the custodian after the registrar's proposal; the guardian alone ends at once what
         isn't ours, and what is under way then waits with the bridge. Without limit are, on a remote ledger,
         the authority's escrow and custodies of it and of this token alone: no key can ever be that.
    @param bridge The contract that will call.
    @param minting_limit Most that it brings in a day; the largest uint256, for ours, is no limit.
    @param burning_limit Most that it takes out a day; the same.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role custodian, guardian, set-up key
    """
    epoch: uint256 = position._epoch(book._issue_now())
    word: uint256 = self._bridges[bridge]
    if position._epoch(word) != epoch:
        # What was left of its limits was in other units.
        self._limits[self._key(bridge, INWARD)] = 0
        self._limits[self._key(bridge, OUTWARD)] = 0
        word = self._restated(word, epoch)
    if access._held[msg.sender] & access.GUARDIAN != 0:
        # Lanes of ours are stopped in the escrow, each way and for a week.
        assert minting_limit | burning_limit | (word & OURS) == 0, "bridges: guardian ends others'"
    else:
        access._carry_out(self._act(bridge, minting_limit, burning_limit), access.CUSTODIAN)
    if minting_limit == max_value(uint256) and burning_limit == max_value(uint256):
        assert self._is_ours(bridge), "bridges: not of our lanes"
        word |= OURS
    else:
        assert code._is_code(bridge), "bridges: no contract"
        assert (
            max(minting_limit, burning_limit) <= position.AMOUNT_MAX
        ), "bridges: limit out of range"
        word &= ~OURS
        self._set_limit(self._key(bridge, INWARD), minting_limit)
        self._set_limit(self._key(bridge, OUTWARD), burning_limit)
    self._bridges[bridge] = word
    instruction._record(bridge, reason, document)
    log BridgeLimitsSet(minting_limit=minting_limit, burning_limit=burning_limit, bridge=bridge)


# ----------------------------------------------------------------------- anyone


@external
def keep_came(day: uint256, hint: uint256):
    """
    @notice Keep what tells `came_at_close` of a day for good, while it is there. Announced closes need nobody to do it.
    @param day The business day.
    @param hint As for `came_at_close`.
    @custom:role anyone
    """
    book._keep(self, self._net(self._bridges[ALL]), day, hint)


# ------------------------------------------------------------------------ views


@external
@view
def came_at_close(day: uint256, hint: uint256) -> uint256:
    """
    @notice Units that bridges that aren't ours had brought in, less what they had taken out, at the close of a business
            day; answered as `supply_at_close` is. Nothing else brings units to a remote ledger but lanes.
    @param day The business day.
    @param hint A later business day on which they carried something, to start from; 0 for none.
    @return Units modulo 2**104, so that more out than in is there too; 0 before their first day.
    """
    found: uint256 = book._closing(self, self._net(self._bridges[ALL]), day, hint)
    units: uint256 = position._lower(book._on_day(found, day))
    return units if found & position.POOL == 0 else unsafe_sub(0, units) & position.AMOUNT_MAX


@external
@view
def bridge_of(bridge: address) -> Bridge:
    """
    @notice Whether a bridge is of our lanes, and what it carried; of ours the lanes say that, and here it is 0.
    @param bridge The bridge; 0 for all that aren't ours together.
    @return What it is, and its units in and out since it began, or since a ratio, which leaves the difference.
    """
    epoch: uint256 = position._epoch(book._in_force(book._issue))
    word: uint256 = self._restated(self._bridges[bridge], epoch)
    return Bridge(
        ours=word & OURS != 0,
        came_in=position._lower(word),
        went_out=position._upper(word),
    )


@external
@view
def mintingMaxLimitOf(bridge: address) -> uint256:
    """
    @notice Most that a bridge brings in a day (ERC-7281).
    @param bridge The bridge.
    @return Units; the largest uint256 is no limit.
    """
    return self._shown(bridge, INWARD, True)


@external
@view
def burningMaxLimitOf(bridge: address) -> uint256:
    """
    @notice Most that a bridge takes out a day (ERC-7281).
    @param bridge The bridge.
    @return Units; the largest uint256 is no limit.
    """
    return self._shown(bridge, OUTWARD, True)


@external
@view
def mintingCurrentLimitOf(bridge: address) -> uint256:
    """
    @notice What a bridge can bring in now (ERC-7281); at home no more than it took out.
    @param bridge The bridge.
    @return Units; the largest uint256 is no limit.
    """
    limit: uint256 = self._shown(bridge, INWARD, False)
    if book._issue & position.HOME != 0:
        limit = min(limit, self._with_others(bridge, book._in_force(book._issue)))
    return limit


@external
@view
def burningCurrentLimitOf(bridge: address) -> uint256:
    """
    @notice What a bridge can take out now (ERC-7281).
    @param bridge The bridge.
    @return Units; the largest uint256 is no limit.
    """
    return self._shown(bridge, OUTWARD, False)


# --------------------------------------------------------------------- internal


@internal
def _take(owner: address, amount: uint256):
    """
    @dev Let the caller, bridge or issuer, take units of `owner` off: its own, or within the holder's allowance to it.
         A frozen caller takes nobody's.
    """
    if owner != msg.sender:
        erc20._check_spender()
        erc20._spend_allowance(owner, amount)


@internal
def _carry(direction: uint256, amount: uint256, issue: uint256):
    """
    @dev Use up the caller's limit, a bridge that isn't ours, and count what it carries. With an amount of 0 nothing
         is written.
    """
    word: uint256 = self._bridges[msg.sender]
    key: uint256 = self._key(msg.sender, direction)
    limit: uint256 = self._limits[key]
    most: uint256 = position._lower(limit)
    assert most != 0, "bridges: no bridge this way"
    assert not self._is_stopped(word, issue), "bridges: stopped for a ratio"
    left: uint256 = self._left(limit)
    assert amount <= left, "bridges: above its limit"
    if amount == 0:
        return
    self._limits[key] = self._limit(most, unsafe_sub(left, amount))
    home: bool = issue & position.HOME != 0
    self._bridges[msg.sender] = self._counted(word, direction, amount, home)
    word = self._bridges[ALL]
    # The day's opening first, in the units of before.
    opened: uint256 = book._begun(self, self._net(word), issue)
    word = self._restated(word, position._epoch(issue)) & position.NOT_DAY
    word = self._counted(word, direction, amount, home)
    self._bridges[ALL] = word | (opened & ~position.NOT_DAY)


@internal
@pure
def _net(word: uint256) -> uint256:
    """
    @dev The counts as a position whose balance is their difference, a pool's if more went out.
    """
    came_in: uint256 = position._lower(word)
    went_out: uint256 = position._upper(word)
    net: uint256 = unsafe_sub(came_in, went_out)
    if came_in < went_out:
        net = unsafe_sub(went_out, came_in) | position.POOL
    return (word & position.NOT_AMOUNTS) | net


@internal
@pure
def _counted(word: uint256, direction: uint256, amount: uint256, home: bool) -> uint256:
    """
    @dev The counts with `amount` added; at home what came in never passes what went out.
    """
    went_out: uint256 = position._upper(word)
    if direction == OUTWARD:
        # A count that is full ends the bridge: another contract begins a new one.
        assert amount <= position.AMOUNT_MAX - went_out, "bridges: count is full"
        return unsafe_add(word, amount << _UPPER_SHIFT)
    most: uint256 = went_out if home else position.AMOUNT_MAX
    assert position._lower(word) + amount <= most, "bridges: more in than out"
    return unsafe_add(word, amount)


@internal
@view
def _with_others(bridge: address, issue: uint256) -> uint256:
    """
    @dev Units that a bridge took out of the home ledger and has not brought back.
    """
    word: uint256 = self._restated(self._bridges[bridge], position._epoch(issue))
    return unsafe_sub(position._upper(word), position._lower(word))


@internal
@view
def _authorised(issue: uint256) -> uint256:
    """
    @dev What the notary authorised. Elsewhere than at home nothing is, whatever bridges carry.
    """
    if issue & position.HOME == 0:
        return position._upper(issue)
    return unsafe_add(position._upper(issue), self._with_others(ALL, issue))


@internal
@view
def _restated(word: uint256, epoch: uint256) -> uint256:
    """
    @dev The counts in the units of an epoch: over a ratio what is left of the two is their difference.
    """
    since: uint256 = position._epoch(word)
    if since == epoch:
        return word
    both: uint256 = min(position._lower(word), position._upper(word))
    came_in: uint256 = unsafe_sub(position._lower(word), both)
    went_out: uint256 = unsafe_sub(position._upper(word), both)
    return (
        (word & OURS)
        | (epoch << position.EPOCH_SHIFT)
        | (book._carried_amount(went_out, since, epoch) << _UPPER_SHIFT)
        | book._carried_amount(came_in, since, epoch)
    )


@internal
@view
def _is_stopped(word: uint256, issue: uint256) -> bool:
    """
    @dev Whether a bridge that isn't ours waits: a ratio begins tomorrow, or its limits were not set since one.
    """
    epoch: uint256 = position._epoch(issue)
    if position._epoch(word) != epoch:
        return True
    if issue & position.PENDING == 0:
        return False
    first_day: uint256 = position._first_day(book._ratios[unsafe_add(epoch, 1)])
    return first_day <= unsafe_add(book._business_day(issue), 1)


@internal
def _set_limit(key: uint256, most: uint256):
    """
    @dev Replace a limit; what is left of it never grows by that.
    """
    self._limits[key] = self._limit(most, min(self._left(self._limits[key]), most))


@internal
@view
def _limit(most: uint256, left: uint256) -> uint256:
    """
    @dev A limit of which so much is left now.
    """
    return most | (left << _UPPER_SHIFT) | (block.timestamp << _TIME_SHIFT)


@internal
@view
def _left(limit: uint256) -> uint256:
    """
    @dev What is left of a limit by now. Of a limit of 0, for ever 0.
    """
    most: uint256 = position._lower(limit)
    elapsed: uint256 = min(unsafe_sub(block.timestamp, limit >> _TIME_SHIFT), _PERIOD)
    return min(most, position._upper(limit) + most * elapsed // _PERIOD)


@internal
@view
def _shown(bridge: address, direction: uint256, a_day: bool) -> uint256:
    """
    @dev A bridge's limit, as the views show it: what it carries a day, or what is left of that.
    """
    word: uint256 = self._bridges[bridge]
    if word & OURS != 0:
        return max_value(uint256)
    limit: uint256 = self._limits[self._key(bridge, direction)]
    if a_day:
        return position._lower(limit)
    return 0 if self._is_stopped(word, book._in_force(book._issue)) else self._left(limit)


@internal
@view
def _is_ours(bridge: address) -> bool:
    """
    @dev Whether the caller would be a lane's: at home none is, its units wait in custody.
    """
    authority: IReleaseAuthority = IReleaseAuthority(controls.release_authority)
    return book._issue & position.HOME == 0 and (
        staticcall authority.is_custody(bridge, self)
        or bridge == staticcall authority.proxy_at(_ESCROW)
    )


@internal
@pure
def _key(bridge: address, direction: uint256) -> uint256:
    """
    @dev Where a limit is kept.
    """
    return (convert(bridge, uint256) << 1) | direction


@internal
@pure
def _act(bridge: address, minting_limit: uint256, burning_limit: uint256) -> bytes32:
    """
    @dev Hash of the act of setting a bridge's limits.
    """
    return keccak256(abi_encode("set_bridge", bridge, minting_limit, burning_limit))
