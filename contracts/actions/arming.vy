# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Arming: ratios that an event makes of all units, entered on every ledger ahead (INV-12)
@license Apache-2.0
@author Tallystick
@notice Once a split, bonus, reverse split or partial redemption is in force at home, anyone has it announced to home's
        token, and carries that to the other ledgers, which announce it to theirs. What was announced is withdrawn while
        there is time. How units are redeemed whole, `redemption` says.
@dev The golden record says everything: new units for old ones, after which close, on top of which epoch.
     Home enters first, and tells it; another ledger enters an epoch only on top of the one before, so that its table is
     never more than the beginning of home's. One that is told late enters late, with the notice that its token asks
     for: meanwhile it waits for messages of the epoch that it does not know, and nothing of them is credited.
     A ledger tells home where a ratio stands: pending, from which day on; in force; or that of no earlier version than
     the one it knows anything is armed there, nor will be. Home withdraws last, once every lane's ledger has said that
     of the version that it armed. What it has not withdrawn by the close is in force, and then every ledger enters
     it, whatever its record says, the event halted or not: units must mean the same everywhere.
     Ratios are withdrawn from the last on. A version of the same ratio takes the place of the one that armed it.
     Whatever an epoch begins with is taken over by lane, once that lane's ledger tells that it is in it; for a close of
     which it tells before, for that alone (see `cut`).

       ratio  epoch 8 | home's first day 16 | version 32
       told   first day 16 | state 2 | version 32
"""
from interfaces import IBridgeEscrow
from interfaces import ISecurityToken

from contracts.actions import cut
from contracts.actions import dispatch
from contracts.actions import event_record
from contracts.actions import events
from contracts.actions import figures
from contracts.governance import access
from contracts.governance import instruction

uses: access
uses: cut
uses: dispatch
uses: events
uses: figures

# Where a ratio stands on a ledger: nothing of an earlier version is armed there; it waits for its day; it is in force.
DROPPED: constant(uint256) = 1
PENDING: constant(uint256) = 2
IN_FORCE: constant(uint256) = 3

# Business days between an announcement to a token and the first day, at least, as it asks for.
NOTICE: constant(uint256) = 2
# "RATI": why a token is told of a ratio, or of its withdrawal.
_REASON: constant(bytes4) = 0x52415449
_VERSION_MASK: constant(uint256) = 2**32 - 1
_VERSION_SHIFT: constant(uint256) = 24
_EPOCH_MASK: constant(uint256) = 2**8 - 1
_STATE_SHIFT: constant(uint256) = 16
_STATE_MASK: constant(uint256) = 3
_TOLD_VERSION_SHIFT: constant(uint256) = 18
_DAY_MASK: constant(uint256) = 2**16 - 1
_RATIO_TYPEHASH: constant(bytes32) = keccak256(
    "Ratio(bytes32 coaf,uint256 version,uint256 state,uint256 epoch,uint256 numerator,"
    "uint256 denominator,uint256 first_day)"
)


struct Ratio:
    coaf: bytes32
    # That armed it; where none is armed, the one in force there.
    version: uint256
    # See above; nothing below it where none is armed.
    state: uint256
    # That it begins.
    epoch: uint256
    # New units for old ones.
    numerator: uint256
    denominator: uint256
    # The first business day in new units on the ledger that tells.
    first_day: uint256


struct Base:
    # Base units there and under way there when the epoch began; 0 of the first epoch.
    carried: uint256
    # Brought in there by others' bridges less what they took out, modulo 2**104.
    came: uint256
    # Base units of the lane that home's floors don't show.
    more: uint256
    is_carried: bool


event AgentProposed:
    act: indexed(bytes32)
    agent: indexed(address)


event AgentSet:
    agent: indexed(address)


event RatioArmed:
    coaf: indexed(bytes32)
    epoch: indexed(uint256)
    version: uint256
    first_day: uint256


event RatioDropped:
    coaf: indexed(bytes32)
    epoch: indexed(uint256)
    version: uint256
    first_day: uint256


event RatioSent:
    coaf: indexed(bytes32)
    id: indexed(bytes32)
    header: dispatch.Header
    ratio: Ratio


event EnteredSent:
    coaf: indexed(bytes32)
    id: indexed(bytes32)
    header: dispatch.Header
    entered: Ratio


event EnteredTaken:
    coaf: indexed(bytes32)
    ledger: indexed(bytes32)
    entered: Ratio


event CloseCarried:
    lane: indexed(bytes32)
    epoch: indexed(uint256)
    # Home's last close in the units before it, and the one of which that ledger told in older ones.
    home_day: uint256
    day: uint256
    base: Base


event LaneCarried:
    lane: indexed(bytes32)
    epoch: indexed(uint256)
    # The last closes in old units, at home and there.
    home_day: uint256
    day: uint256
    base: Base


# ------------------------------------------------------------- operator, two keys


@external
def propose_fractions_agent(agent: address, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice The operator proposes who is credited what the rounding of ratios leaves on this ledger; a day later an
            administrator carries it out with `set_fractions_agent`.
    @param agent An account that can receive then.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role operator
    """
    act: bytes32 = self._agent_act(agent)
    access._propose(
        act, access.OPERATOR, access.ADMINISTRATOR, agent, reason, document, dispatch.DELAY
    )
    log AgentProposed(act=act, agent=agent)
    return act


@external
def set_fractions_agent(agent: address, reason: bytes4, document: bytes32):
    """
    @notice Say who is credited what rounding leaves of ratios that are armed from now on.
    @dev By the set-up key, or by an administrator a day after the operator's proposal.
    @param agent An account that can receive then.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator, set-up key
    """
    access._carry_out(self._agent_act(agent), access.ADMINISTRATOR)
    assert agent != empty(address), "arming: no agent"
    events._fractions_agent = agent
    instruction._record(agent, reason, document)
    log AgentSet(agent=agent)


# ------------------------------------------------------------------------- anyone


@external
def arm(record: event_record.EventRecord):
    """
    @notice Home: announce the ratio of the version in force to the token, with all that follows on this ledger, and
            tell it.
    @dev The token refuses one that comes too late, or leaves a field too small.
    @param record The record.
    @custom:role anyone
    """
    events._check_home()
    version: events.Version = events._active(record.coaf)
    assert (
        events.event_of[record.coaf].in_force == event_record._hash(record)
    ), "arming: not in force"
    numerator: uint256 = 0
    denominator: uint256 = 0
    numerator, denominator = event_record._change(record)
    assert denominator != 0, "arming: no ratio"
    assert numerator != 0, "arming: redeemed once funded"
    ratio: Ratio = Ratio(
        coaf=record.coaf,
        version=version.version,
        state=PENDING,
        epoch=unsafe_add(version.unit_epoch, 1),
        numerator=numerator,
        denominator=denominator,
        first_day=unsafe_add(version.record_day, 1),
    )
    self._enter(ratio, ratio.first_day, events.event_of[record.coaf].in_force)


@external
def take_ratio(header: dispatch.Header, ratio: Ratio, attestation: Bytes[1034]):
    """
    @notice Remote: enter a ratio that home has armed, or that is in force there, and tell from which day on.
    @dev One that is pending at home is entered here by the record in force alone, and never if the event is halted; one
         that is in force there always, as there is no way back.
    @param header The message, as home logged it.
    @param ratio What it tells.
    @param attestation What home's verifier here asks for, in the domain of home's engine.
    @custom:role anyone
    """
    assert not dispatch.is_home, "arming: home arms its own"
    dispatch._verify(header, dispatch.RATIO, self._body(ratio), attestation)
    if ratio.state != IN_FORCE:
        version: events.Version = events._active(ratio.coaf)
        assert (
            ratio.state == PENDING and version.version == ratio.version
        ), "arming: of another version"
        assert self._is_of(
            version, ratio.coaf, ratio.numerator, ratio.denominator, ratio.epoch, ratio.first_day
        ), "arming: record says otherwise"
    token: ISecurityToken = ISecurityToken(dispatch.token)
    # Later than the last there is, and with notice: by its own clock a ledger may be told late.
    last: uint256 = (staticcall token.ratio_at(unsafe_sub(max(ratio.epoch, 1), 1))).first_day
    first_day: uint256 = max(
        max(ratio.first_day, unsafe_add(last, 1)),
        unsafe_add(staticcall token.business_day(), unsafe_add(NOTICE, 1)),
    )
    self._enter(ratio, first_day, header.body)


@external
def take_entered(header: dispatch.Header, entered: Ratio, attestation: Bytes[1034]):
    """
    @notice Home: take note where a ratio stands on another ledger, if it is news: that it is in force, for good; else
            what is of a later version, or of the same that it is armed.
    @param header The message, as the remote engine logged it.
    @param entered What it tells.
    @param attestation What that ledger's verifier here asks for, in the domain of its engine.
    @custom:role anyone
    """
    events._check_home()
    dispatch._verify(header, dispatch.ENTERED, self._body(entered), attestation)
    assert (
        unsafe_sub(entered.state, 1) < IN_FORCE
        and entered.version <= _VERSION_MASK
        and entered.first_day <= _DAY_MASK
    ), "arming: out of range"
    coaf: bytes32 = entered.coaf
    ledger: bytes32 = header.source_ledger
    # Version and state.
    known: uint256 = events._ratio_told[coaf][ledger] >> _STATE_SHIFT
    assert known & _STATE_MASK != IN_FORCE and (
        entered.state == IN_FORCE or ((entered.version << 2) | entered.state) > known
    ), "arming: known already"
    if entered.state == IN_FORCE:
        assert (
            events._coaf_of[entered.epoch] == coaf and entered.first_day != 0
        ), "arming: not armed here"
        events._entered[ledger][entered.epoch] = entered.first_day
    events._ratio_told[coaf][ledger] = (
        (entered.version << _TOLD_VERSION_SHIFT)
        | (entered.state << _STATE_SHIFT)
        | entered.first_day
    )
    log EnteredTaken(coaf=coaf, ledger=ledger, entered=entered)


@external
def withdraw_ratio(coaf: bytes32):
    """
    @notice Withdraw an event's ratio that a version armed which is in force no more, and tell that nothing of it is
            armed here. Home does so last, before the close of its record day.
    @dev From the last one on. Another ledger no later than two days before its first day, so that home can hear of it.
    @param coaf The event.
    @custom:role anyone
    """
    version: events.Version = events._version(events.event_of[coaf].in_force)
    word: uint256 = events._ratios[coaf]
    assert (word != 0 or not dispatch.is_home) and version.version != 0, "arming: none armed"
    if word != 0:
        epoch: uint256 = word & _EPOCH_MASK
        armed: uint256 = word >> _VERSION_SHIFT
        token: ISecurityToken = ISecurityToken(dispatch.token)
        ratio: ISecurityToken.Ratio = staticcall token.ratio_at(epoch)
        first_day: uint256 = (word >> events.FIRST_DAY_SHIFT) & _DAY_MASK
        # A version of the same ratio needs nothing new.
        assert (
            version.version > armed
            and not version.halted
            and not self._is_of(version, coaf, ratio.numerator, ratio.denominator, epoch, first_day)
        ), "arming: its version stands"
        assert (
            staticcall token.ratio_at(unsafe_add(epoch, 1))
        ).first_day == 0, "arming: a later one is armed"
        first_day = ratio.first_day
        today: uint256 = staticcall token.business_day()
        if dispatch.is_home:
            self._check_dropped(coaf, armed)
            assert today < first_day, "arming: in force"
        else:
            assert unsafe_add(today, 1) < first_day, "arming: too late to withdraw"
        events._ratios[coaf] = 0
        events._coaf_of[epoch] = empty(bytes32)
        log RatioDropped(coaf=coaf, epoch=epoch, version=armed, first_day=first_day)
        extcall token.withdraw_ratio(first_day, _REASON, events.event_of[coaf].in_force)
        extcall IBridgeEscrow(dispatch.escrow).follow_ratios(dispatch.token)
    if not dispatch.is_home:
        self._tell(empty(Ratio), coaf, version.version, DROPPED)


@external
def tell_ratio(coaf: bytes32):
    """
    @notice Tell where an event's ratio that is armed here stands; told again, it is the same message.
    @param coaf The event.
    @custom:role anyone
    """
    ratio: Ratio = self._armed(coaf)
    assert ratio.epoch != 0, "arming: nothing to tell"
    self._tell(ratio, coaf, ratio.version, ratio.state)


@external
def carry_lane(lane: bytes32, epoch: uint256, hints: uint256[3]):
    """
    @notice Home: take over what an epoch of a lane begins with, from what was told of the last close before it on the
            lane's ledger: there, and under way there; once.
    @dev That ledger has told that the ratio is in force there, so that no later close can be the last. They have to
         fit as any figures do.
    @param lane The lane.
    @param epoch The epoch.
    @param hints As for `fix_lane`, of home's last close before the ratio.
    @custom:role anyone
    """
    events._check_home()
    self._check_in_force(epoch)
    first_day: uint256 = events._entered[figures._far_ledger(lane)][epoch]
    assert first_day != 0, "arming: not told to be in force there"
    day: uint256 = unsafe_sub(first_day, 1)
    assert (
        figures._counts(lane, day) and figures._figures(lane, day).epoch == unsafe_sub(epoch, 1)
    ), "arming: no figures of its last close"
    home_day: uint256 = 0
    base: Base = empty(Base)
    home_day, base = self._carry(lane, day, epoch, epoch, hints)
    log LaneCarried(lane=lane, epoch=epoch, home_day=home_day, day=day, base=base)


@external
def carry_close(lane: bytes32, day: uint256, epoch: uint256, hints: uint256[3]):
    """
    @notice Home: restate for an epoch what a lane's ledger, which took the ratio late, told of a close in older units:
            for that close alone, once. One that is several ratios behind is carried over one after the other.
    @dev As if that ledger had taken the ratio at this close: nothing need be known of when it does. They have to fit in
         the old units, as figures of a last close do.
    @param lane The lane.
    @param day The business day.
    @param epoch The epoch: one more than the figures' own, or than the one they were carried to before.
    @param hints As for `fix_lane`, of home's last close before the ratio.
    @custom:role anyone
    """
    events._check_home()
    self._check_in_force(epoch)
    assert (
        figures._counts(lane, day) and epoch <= cut._epoch_on(day) and day <= _DAY_MASK
    ), "arming: no figures to restate"
    home_day: uint256 = 0
    base: Base = empty(Base)
    home_day, base = self._carry(lane, day, epoch, cut._restating(day, epoch), hints)
    log CloseCarried(lane=lane, epoch=epoch, home_day=home_day, day=day, base=base)


# -------------------------------------------------------------------------- views


@external
@view
def fractions_agent() -> address:
    """
    @notice Who is credited what the rounding of ratios leaves on this ledger.
    @return The account.
    """
    return events._fractions_agent


@external
@view
def armed_ratio(coaf: bytes32) -> Ratio:
    """
    @notice Where an event's ratio stands on this ledger.
    @param coaf The event.
    @return The ratio that is armed here; empty if there is none.
    """
    return self._armed(coaf)


@external
@view
def ratio_told(coaf: bytes32, ledger: bytes32) -> (uint256, uint256, uint256):
    """
    @notice Home: what another ledger told of an event's ratio last.
    @param coaf The event.
    @param ledger keccak256 of its CAIP-2 name.
    @return Where it stands there; 0: nothing was told.
    @return By which version; where none is armed, the one that is in force there.
    @return Its first day there; 0 where none is armed.
    """
    word: uint256 = events._ratio_told[coaf][ledger]
    return (
        (word >> _STATE_SHIFT) & _STATE_MASK,
        word >> _TOLD_VERSION_SHIFT,
        word & _DAY_MASK,
    )


@external
@view
def entered_on(ledger: bytes32, epoch: uint256) -> uint256:
    """
    @notice Home: the first day of an epoch on another ledger.
    @param ledger keccak256 of its CAIP-2 name.
    @param epoch The epoch.
    @return The day; 0: it was not told to be in force there.
    """
    return events._entered[ledger][epoch]


@external
@view
def base_of(lane: bytes32, epoch: uint256) -> Base:
    """
    @notice Home: what an epoch of a lane began with.
    @param lane The lane.
    @param epoch The epoch; of one close that was restated alone, 256 times its day more.
    @return See there; all 0 if it was not carried.
    """
    word: uint256 = cut._bases[lane][epoch]
    return Base(
        carried=word & figures.AMOUNT_MAX,
        came=(word >> cut._CAME_SHIFT) & figures.AMOUNT_MAX,
        more=(word >> cut._MORE_SHIFT) & cut._MORE_MASK,
        is_carried=word != 0,
    )


# ----------------------------------------------------------------------- internal


@internal
@view
def _check_in_force(epoch: uint256):
    """
    @dev Revert unless a ratio began an epoch here.
    """
    assert (
        epoch != 0 and epoch <= staticcall ISecurityToken(dispatch.token).action_epoch()
    ), "arming: no ratio in force here"


@internal
def _carry(
    lane: bytes32, day: uint256, epoch: uint256, key: uint256, hints: uint256[3]
) -> (uint256, Base):
    """
    @dev Keep what an epoch began with, by home's last close before it and by what was told of a close; home's last
         close, and what it is.
    """
    assert cut._bases[lane][key] == 0, "arming: carried already"
    before: uint256 = unsafe_sub(epoch, 1)
    word: uint256 = cut._base(lane, day, before)
    assert word != 0, "arming: the epoch before first"
    there: figures.Figures = cut._told(lane, day, before)
    ratio: ISecurityToken.Ratio = staticcall ISecurityToken(dispatch.token).ratio_at(epoch)
    home_day: uint256 = unsafe_sub(ratio.first_day, 1)
    ways: cut.Ways = cut._ways(there, word, home_day, hints)
    negative: bool = there.came >> 103 != 0
    # What this ledger says came with others, a cut holds against what is with them.
    assert cut._adds_up(
        there, ways, unsafe_add(ways.more, 0 if negative else there.came)
    ), "arming: figures do not fit"
    came: uint256 = 0
    shown: uint256 = unsafe_sub(self._part(ways.held, ratio), self._part(ways.suspense, ratio))
    if negative:
        came = self._part(unsafe_sub(figures.AMOUNT_MAX + 1, there.came), ratio)
        shown = unsafe_sub(max(shown, came), came)
        came = unsafe_sub(0, came)
    else:
        came = self._part(there.came, ratio)
        shown = unsafe_add(shown, came)
    whole: uint256 = self._part(there.supply + ways.homeward + ways.outward, ratio)
    base: Base = Base(
        carried=unsafe_add(self._part(there.supply, ratio), self._part(ways.outward, ratio))
        & figures.AMOUNT_MAX,
        came=came & figures.AMOUNT_MAX,
        more=min(unsafe_sub(max(whole, shown), shown), cut._MORE_MASK),
        is_carried=True,
    )
    cut._bases[lane][key] = (
        cut._FIXED | (base.more << cut._MORE_SHIFT) | (base.came << cut._CAME_SHIFT) | base.carried
    )
    return (home_day, base)


@internal
@pure
def _part(amount: uint256, ratio: ISecurityToken.Ratio) -> uint256:
    """
    @dev What a ratio that is in force makes of units, of some 104 bits by 40; rounded down.
    """
    return unsafe_div(unsafe_mul(amount, ratio.numerator), ratio.denominator)


@internal
def _enter(ratio: Ratio, first_day: uint256, document: bytes32):
    """
    @dev Announce a ratio to the token on top of what is there, have the lanes follow, and tell it. If this very ratio
         is there already, the version takes its place.
    """
    token: ISecurityToken = ISecurityToken(dispatch.token)
    known: ISecurityToken.Ratio = staticcall token.ratio_at(ratio.epoch)
    before: uint256 = events._ratios[ratio.coaf]
    word: uint256 = (
        (ratio.version << _VERSION_SHIFT)
        | (ratio.first_day << events.FIRST_DAY_SHIFT)
        | ratio.epoch
    )
    if known.first_day != 0:
        assert (
            events._coaf_of[ratio.epoch] == ratio.coaf
            and known.numerator == ratio.numerator
            and known.denominator == ratio.denominator
            and (before >> events.FIRST_DAY_SHIFT) & _DAY_MASK == ratio.first_day
        ), "arming: another ratio is armed"
        assert before >> _VERSION_SHIFT < ratio.version, "arming: armed already"
        events._ratios[ratio.coaf] = word
        log RatioArmed(
            coaf=ratio.coaf, epoch=ratio.epoch, version=ratio.version, first_day=known.first_day
        )
    else:
        assert before == 0, "arming: an earlier version's is armed"
        assert ratio.epoch == 1 or (
            ratio.epoch != 0
            and (staticcall token.ratio_at(unsafe_sub(ratio.epoch, 1))).first_day != 0
        ), "arming: not the next epoch"
        events._ratios[ratio.coaf] = word
        events._coaf_of[ratio.epoch] = ratio.coaf
        log RatioArmed(
            coaf=ratio.coaf, epoch=ratio.epoch, version=ratio.version, first_day=first_day
        )
        # The last one in old units tells what the new ones begin with.
        extcall token.announce_close(unsafe_sub(first_day, 1), _REASON, document)
        extcall token.announce_ratio(
            ratio.numerator,
            ratio.denominator,
            first_day,
            events._fractions_agent,
            _REASON,
            document,
        )
        extcall IBridgeEscrow(dispatch.escrow).follow_ratios(dispatch.token)
    armed: Ratio = self._armed(ratio.coaf)
    self._tell(armed, ratio.coaf, armed.version, armed.state)


@internal
def _check_dropped(coaf: bytes32, armed: uint256):
    """
    @dev Revert unless every lane's ledger has told of a later version than the one that armed a ratio here: by then
         nothing of that one is armed there, nor can be.
    """
    for lane: bytes32 in staticcall IBridgeEscrow(dispatch.escrow).lanes_of(dispatch.instrument):
        word: uint256 = events._ratio_told[coaf][figures._far_ledger(lane)]
        assert word >> _TOLD_VERSION_SHIFT > armed, "arming: a ledger has not dropped it"


@internal
def _tell(ratio: Ratio, coaf: bytes32, version: uint256, state: uint256):
    """
    @dev Tell where a ratio stands here.
    """
    told: Ratio = ratio
    told.coaf = coaf
    told.version = version
    told.state = state
    kind: uint256 = dispatch.RATIO if dispatch.is_home else dispatch.ENTERED
    header: dispatch.Header = dispatch._send(kind, self._body(told))
    if dispatch.is_home:
        log RatioSent(coaf=coaf, id=dispatch._id(header), header=header, ratio=told)
    else:
        log EnteredSent(coaf=coaf, id=dispatch._id(header), header=header, entered=told)


@internal
@view
def _armed(coaf: bytes32) -> Ratio:
    """
    @dev The ratio of an event that is armed here, as the token has it; empty if there is none.
    """
    word: uint256 = events._ratios[coaf]
    if word == 0:
        return empty(Ratio)
    token: ISecurityToken = ISecurityToken(dispatch.token)
    epoch: uint256 = word & _EPOCH_MASK
    known: ISecurityToken.Ratio = staticcall token.ratio_at(epoch)
    return Ratio(
        coaf=coaf,
        version=word >> _VERSION_SHIFT,
        state=IN_FORCE if epoch <= staticcall token.action_epoch() else PENDING,
        epoch=epoch,
        numerator=known.numerator,
        denominator=known.denominator,
        first_day=known.first_day,
    )


@internal
@view
def _is_of(
    version: events.Version,
    coaf: bytes32,
    numerator: uint256,
    denominator: uint256,
    epoch: uint256,
    first_day: uint256,
) -> bool:
    """
    @dev Whether a ratio is the one that the version in force of an event names: all that is kept of a record that pays
         nothing; of a redemption, apart. Of one that is cancelled, reversed or halted, there is no day. Units that are
         redeemed whole are so from the day on that home says, as it was funded then.
    """
    terms: uint256 = events._terms[coaf]
    left: uint256 = events._left[coaf]
    if left != 0:
        day: uint256 = (terms >> 192) & _DAY_MASK
        return (
            left == numerator | (denominator << events.BEFORE_SHIFT)
            and version.unit_epoch + 1 == epoch
            and day != 0
            and (numerator == 0 or day + 1 == first_day)
            and first_day > day
        )
    return (
        terms == (numerator | (denominator << 96) | (unsafe_sub(first_day, 1) << 192))
        and version.unit_epoch + 1 == epoch
        and first_day != 0
    )


@internal
@pure
def _body(ratio: Ratio) -> bytes32:
    """
    @dev EIP-712 struct hash. All fields are one word, so that the ABI encoding is the struct encoding.
    """
    return keccak256(abi_encode(_RATIO_TYPEHASH, ratio))


@internal
@pure
def _agent_act(agent: address) -> bytes32:
    """
    @dev Hash of the act of setting the fractions' agent.
    """
    return keccak256(abi_encode("set_fractions_agent", agent))
