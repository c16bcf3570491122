# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Cut: the issue at the close of an event's record day, split among those who owe for it (R-41, R-42, INV-6)
@license Apache-2.0
@author Tallystick
@notice Home fixes its accounts from its own storage, then each lane as its figures come: what accounts there are owed
        for, what is to land there, what is to land at home. Each remote ledger is told its own totals.
@dev Units between ledgers belong to whoever they land with, on the ledger where they land. Nobody counts arrivals, so
     that one comparison is the gate: with K owed to the lane at home, U the supply there, X of it come with other
     people's bridges, O what either end sent,

       under way home  T_rh = O_r - (O_h - K)    under way there  T_hr = O_h - (U - X + O_r)    U + T_hr + T_rh = K + X

     modulo 2**104: a direction below zero wraps, and the sum is off by 2**104. A lane without figures, or with figures
     that don't fit, waits, and its part is nobody's meanwhile; no other part changes (INV-7). See
     `tallystick/actions/cut.py`, which is this in Python.
     After a ratio both ends count what they sent anew, in new units, and floors of a sum's parts don't make up the
     floor of the sum. So what an epoch begins with is taken over once, by lane (see `arming`): of what was there and
     under way there at the last close in old units, the floors; U is never below the truth, T_hr above it by remainders
     alone, and T_rh is the rest of K + X, so that every claim rounded down fits.

       base   there, and under way there 104 | come with others 104 | more than K + X shows 40 | - | stored 1

     A ledger that took a ratio late tells of a close in the units of before. Home restates that as if the ledger had
     taken the ratio at that close, from a base for it alone; ratio by ratio, if it is further behind.

     What other bridges took out of home and did not bring back is part of the issue, and with them: `fix` enters it
     under the token's address, which is no lane. Each lane takes its X from there or, below zero, adds to it. One that
     takes more than is there does not fit, till another has added. It is owed for once no lane waits. After a ratio a
     lane takes what its base has more, too; and since each ledger rounds by itself what others carried, it may take
     more than is there by what ratios rounded off: a unit for each lane and home a ratio. Those are part of the issue
     as well.

       share  what is owed for here 104 | to what lands at the remote ledger, or taken of what is elsewhere beyond what
              there is 104 | - | fixed 1

     Here is, at home, what accounts hold (under no lane), what is to land from a lane, or what is with other bridges.
     What accounts on the remote ledger hold home need not keep: it follows from that ledger's figures. On a remote
     ledger, which has one lane, here is what its accounts hold, under no lane.
"""
from interfaces import IBridgeEscrow
from interfaces import ISecurityToken

from contracts.actions import dispatch
from contracts.actions import event_record
from contracts.actions import events
from contracts.actions import figures
from contracts.actions import suspensions

uses: dispatch
uses: events
uses: figures
uses: suspensions

_TOTALS_TYPEHASH: constant(bytes32) = keccak256(
    "Totals(bytes32 coaf,bytes32 event_version,bytes32 lane,uint256 accounts,uint256 crossing)"
)
_FIXED: constant(uint256) = 2**255
_CROSSING_SHIFT: constant(uint256) = 104
# In what an epoch begins with.
_CAME_SHIFT: constant(uint256) = 104
_MORE_SHIFT: constant(uint256) = 208
_MORE_MASK: constant(uint256) = 2**40 - 1
# Escrows name closed lanes two days longer.
_MAX_DAYS: constant(uint256) = 100
_SECONDS_PER_DAY: constant(uint256) = 86400
_CLOSE_SHIFT: constant(uint256) = 8
# No ledger knows more epochs.
_MAX_EPOCHS: constant(uint256) = 127


struct Totals:
    coaf: bytes32
    # Hash of record and status.
    event_version: bytes32
    lane: bytes32
    # Base units of accounts there, and of what is to land there.
    accounts: uint256
    crossing: uint256


struct Ways:
    # Base units in the lane's custody and in suspense at home; owed to the lane, and more than that shows.
    held: uint256
    suspense: uint256
    owed: uint256
    more: uint256
    # On the way home, and on the way there.
    homeward: uint256
    outward: uint256


struct Share:
    fixed: bool
    # Base units: to land at home; of the remote ledger's accounts, or home's, under no lane; to land there.
    home_crossing: uint256
    accounts: uint256
    crossing: uint256


# COAF -> lane, or nothing for home's accounts -> its share, see above
_shares: HashMap[bytes32, HashMap[bytes32, uint256]]
# lane -> epoch 8, and above it the close that is restated, if one is -> what it began with, see above; the first began
# with nothing
_bases: HashMap[bytes32, HashMap[uint256, uint256]]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[31]


event EventFixed:
    coaf: indexed(bytes32)
    record_hash: indexed(bytes32)
    record_day: uint256
    # Base units of home's accounts, in the lanes' custody, and with other bridges by home's own count.
    accounts: uint256
    custody: uint256
    elsewhere: uint256


event LaneFixed:
    coaf: indexed(bytes32)
    lane: indexed(bytes32)
    share: Share
    # Base units with other bridges, after what came to that ledger or left it; and taken of them, by what ratios
    # rounded off, where there are none.
    elsewhere: uint256
    beyond: uint256


event ElsewhereFixed:
    coaf: indexed(bytes32)
    units: uint256


event TotalsSent:
    coaf: indexed(bytes32)
    id: indexed(bytes32)
    header: dispatch.Header
    totals: Totals


event TotalsTaken:
    coaf: indexed(bytes32)
    lane: indexed(bytes32)
    totals: Totals


event TotalsContradicted:
    coaf: indexed(bytes32)
    lane: indexed(bytes32)
    known: Share
    shown: Totals


# ------------------------------------------------------------------------- anyone


@external
def fix(coaf: bytes32, own_hints: uint256[2], hints: DynArray[uint256, 16]):
    """
    @notice Home: fix what its accounts held at the close of an event's record day; from now on the event can only be
            cancelled. From home's storage alone, so that no other ledger can keep it from being paid.
    @dev Within a hundred days: then the lanes of that day are all known still, those that were closed since too.
    @param coaf The event.
    @param own_hints As for the token's `supply_at_close` and `came_at_close`.
    @param hints As for `balance_at_close` of each lane's custody, in the order of `lanes_of`; none: no hints.
    @custom:role anyone
    """
    events._check_home()
    version: events.Version = events._active(coaf)
    assert not version.fixed, "cut: fixed already"
    hashed: bytes32 = events.event_of[coaf].in_force
    assert events.event_of[coaf].newest == hashed, "cut: a version waits for confirmation"
    day: uint256 = version.record_day
    assert figures._is_epoch(day, version.unit_epoch), "cut: closes in other units"
    # A day that does not fit is none that is closed.
    assert (
        unsafe_mul(unsafe_add(day, _MAX_DAYS), _SECONDS_PER_DAY) >= block.timestamp
    ), "cut: too long ago"
    token: ISecurityToken = ISecurityToken(dispatch.token)
    lanes: DynArray[bytes32, 16] = staticcall IBridgeEscrow(dispatch.escrow).lanes_of(
        dispatch.instrument
    )
    assert len(hints) == 0 or len(hints) == len(lanes), "cut: one hint for each lane"
    custody: uint256 = 0
    for i: uint256 in range(len(lanes), bound=16):
        custody += staticcall token.balance_at_close(
            figures._ends(lanes[i]).custody, day, hints[i] if len(hints) != 0 else 0
        )
    accounts: uint256 = staticcall token.supply_at_close(day, own_hints[0]) - custody
    self._shares[coaf][empty(bytes32)] = _FIXED | accounts
    # At home no bridge brings in more than went out.
    came: uint256 = staticcall token.came_at_close(day, own_hints[1])
    elsewhere: uint256 = unsafe_sub(0, came) & figures.AMOUNT_MAX
    if elsewhere != 0:
        self._shares[coaf][self._elsewhere()] = elsewhere
    events._fix(coaf)
    log EventFixed(
        coaf=coaf,
        record_hash=hashed,
        record_day=day,
        accounts=accounts,
        custody=custody,
        elsewhere=elsewhere,
    )
    self._end_elsewhere(coaf, day, elsewhere, lanes)


@external
def fix_lane(coaf: bytes32, lane: bytes32, hints: uint256[3]):
    """
    @notice Home: split what a lane was owed at the close of an event's record day, if its figures fit, and tell its
            remote ledger. A lane that is split already is told again, under the same id.
    @param coaf The event.
    @param lane The lane.
    @param hints As for the closing of the lane's custody, for `suspense_at_close` and `sent_at_close`; 0: none.
    @custom:role anyone
    """
    events._check_home()
    version: events.Version = events._active(coaf)
    assert version.fixed, "cut: home's accounts first"
    assert figures._counts(lane, version.record_day), "cut: no figures, or two"
    if self._shares[coaf][lane] == 0:
        elsewhere: uint256 = self._shares[coaf][self._elsewhere()]
        left: uint256 = elsewhere & figures.AMOUNT_MAX
        over: uint256 = (elsewhere >> _CROSSING_SHIFT) & figures.AMOUNT_MAX
        split: Share = empty(Share)
        taken: uint256 = 0
        split, taken = self._split(lane, version.record_day, version.unit_epoch, hints, left, over)
        # A lane that was opened since all of them were in comes too late for it.
        assert taken == 0 or elsewhere & _FIXED == 0, "cut: what is elsewhere is fixed"
        if taken != 0:
            left = unsafe_sub(unsafe_sub(left, over), taken)
            over = 0
            if self._is_negative(left):
                over = unsafe_sub(0, left)
                left = 0
            self._shares[coaf][self._elsewhere()] = (over << _CROSSING_SHIFT) | left
        self._shares[coaf][lane] = (
            _FIXED | (split.crossing << _CROSSING_SHIFT) | split.home_crossing
        )
        log LaneFixed(coaf=coaf, lane=lane, share=split, elsewhere=left, beyond=over)
        suspensions._reconcile(lane, version.record_day, version.unit_epoch, split.home_crossing)
        if left != 0 and elsewhere & _FIXED == 0:
            self._end_elsewhere(
                coaf,
                version.record_day,
                left,
                staticcall IBridgeEscrow(dispatch.escrow).lanes_of(dispatch.instrument),
            )
    share: Share = self._share(coaf, lane)
    totals: Totals = Totals(
        coaf=coaf,
        event_version=event_record._version_hash(
            events.event_of[coaf].in_force, event_record.ACTIVE
        ),
        lane=lane,
        accounts=share.accounts,
        crossing=share.crossing,
    )
    header: dispatch.Header = dispatch._send(dispatch.TOTALS, self._body(totals))
    log TotalsSent(coaf=coaf, id=dispatch._id(header), header=header, totals=totals)


@external
def take_totals(header: dispatch.Header, totals: Totals, attestation: Bytes[1034]) -> bool:
    """
    @notice Remote: take what home fixed for this ledger; once.
    @dev Not before this ledger was told of the record day for as long as an event's notice is, by its own clock.
         Other totals than those taken halt the event here; they don't revert, or nobody could show them. The units are
         those of the record: home has compared the epoch that this ledger's figures named.
    @param header The message, as home logged it.
    @param totals What it tells.
    @param attestation What home's verifier here asks for, in the domain of home's engine.
    @return Whether they count; False: the event is halted.
    @custom:role anyone
    """
    assert not dispatch.is_home, "cut: home fixes its own"
    dispatch._verify(header, dispatch.TOTALS, self._body(totals), attestation)
    assert max(totals.accounts, totals.crossing) <= figures.AMOUNT_MAX, "cut: out of range"
    figures._far_ledger(totals.lane)
    version: events.Version = events._active(totals.coaf)
    assert totals.event_version == event_record._version_hash(
        events.event_of[totals.coaf].in_force, event_record.ACTIVE
    ), "cut: totals of another version"
    assert block.timestamp >= version.noticed + events.NOTICE_SECONDS, "cut: too little notice"
    word: uint256 = _FIXED | (totals.crossing << _CROSSING_SHIFT) | totals.accounts
    if version.fixed:
        known: Share = self._share(totals.coaf, totals.lane)
        assert self._shares[totals.coaf][empty(bytes32)] != word, "cut: taken already"
        events._halt(totals.coaf)
        log TotalsContradicted(coaf=totals.coaf, lane=totals.lane, known=known, shown=totals)
        return False
    self._shares[totals.coaf][empty(bytes32)] = word
    events._fix(totals.coaf)
    log TotalsTaken(coaf=totals.coaf, lane=totals.lane, totals=totals)
    suspensions._reconcile(totals.lane, version.record_day, version.unit_epoch, totals.crossing)
    return True


# -------------------------------------------------------------------------- views


@external
@view
def share_of(coaf: bytes32, lane: bytes32) -> Share:
    """
    @notice What is owed for of a lane at the close of an event's record day, as fixed; on a remote ledger its own part.
    @param coaf The event.
    @param lane The lane; empty: home's accounts; the token's address: what is with other bridges, in the first place.
    @return Whether it is fixed (with other bridges: never, if nothing is); base units to land at home, of accounts, and
            to land at the remote ledger.
    """
    return self._share(coaf, lane)


# ----------------------------------------------------------------------- internal


@internal
@view
def _split(
    lane: bytes32,
    day: uint256,
    epoch: uint256,
    hints: uint256[3],
    elsewhere: uint256,
    over: uint256,
) -> (Share, uint256):
    """
    @dev A lane's part of a close in units of home's epoch then, if its figures fit; and what it takes from elsewhere,
         below zero if it adds.
    """
    there: figures.Figures = self._told(lane, day, epoch)
    assert there.epoch == epoch, "cut: figures in other units"
    base: uint256 = self._base(lane, day, epoch)
    assert base != 0, "cut: lane not carried over the ratio"
    share: Share = empty(Share)
    taken: uint256 = 0
    share, taken = self._gate(there, base, hints, elsewhere, over)
    assert share.fixed, "cut: figures do not fit"
    return (share, taken)


@internal
@view
def _brought(lane: bytes32, day: uint256, epoch: uint256, hint: uint256) -> uint256:
    """
    @dev Most that other bridges may have brought to a lane's ledger by a close, whatever they brought to others: what
         they took out of home, and of what other remote ledgers tell. Asked only where they brought anything.
    """
    came: uint256 = figures._figures(lane, day).came
    if came == 0 or came >> 103 != 0:
        return 0
    most: uint256 = (
        unsafe_sub(0, staticcall ISecurityToken(dispatch.token).came_at_close(day, hint))
        & figures.AMOUNT_MAX
    )
    for other: bytes32 in staticcall IBridgeEscrow(dispatch.escrow).lanes_of(dispatch.instrument):
        if figures._counts(other, day) and self._has_books(other, day):
            came = self._told(other, day, epoch).came
            if came >> 103 != 0:
                most += figures.AMOUNT_MAX + 1 - came
    return most


@internal
@view
def _fits(lane: bytes32, day: uint256, hints: uint256[3], hint: uint256) -> bool:
    """
    @dev Whether there are figures of a close that fit.
    """
    epoch: uint256 = self._epoch_on(day)
    base: uint256 = self._base(lane, day, epoch)
    if not figures._counts(lane, day) or base == 0:
        return False
    share: Share = empty(Share)
    taken: uint256 = 0
    share, taken = self._gate(
        self._told(lane, day, epoch), base, hints, self._brought(lane, day, epoch, hint), 0
    )
    return share.fixed


@internal
@view
def _gate(
    there: figures.Figures, base: uint256, hints: uint256[3], elsewhere: uint256, over: uint256
) -> (Share, uint256):
    """
    @dev A lane's part of a close; fixed only if its figures fit, with what may have come from elsewhere, of which so
         much was taken already that is not there. All of it is part of one issue, and fits as that does.
    """
    ways: Ways = self._ways(there, base, there.day, hints)
    taken: uint256 = unsafe_add(there.came, ways.more)
    if there.came >> 103 != 0:
        taken = unsafe_sub(taken, figures.AMOUNT_MAX + 1)
    most: uint256 = elsewhere
    if taken > elsewhere and not self._is_negative(taken):
        rounded: uint256 = self._rounded(there.epoch)
        most += rounded - min(over, rounded)
    share: Share = Share(
        # What a ledger tells of a close is one lane's, not also one's that was closed before or opened after it.
        fixed=self._adds_up(there, ways, most) and self._has_books(there.lane, there.day),
        home_crossing=ways.suspense + ways.homeward,
        accounts=unsafe_sub(there.supply, there.suspense),
        crossing=there.suspense + ways.outward,
    )
    return (share, taken)


@internal
@view
def _adds_up(there: figures.Figures, ways: Ways, most: uint256) -> bool:
    """
    @dev Whether a lane's figures fit: modulo 2**104 there and under way is what is owed and what came; and that came,
         with what home doesn't show of the lane, is no more than may have.
    """
    whole: uint256 = there.supply + ways.homeward + ways.outward
    return whole <= ways.owed + most and there.suspense <= there.supply


@internal
@view
def _rounded(epoch: uint256) -> uint256:
    """
    @dev Most that ratios have rounded off what other bridges carry: a unit for each lane's ledger and for home a ratio,
         as later ones leave it, rounded up.
    """
    words: uint256 = 1 + len(
        staticcall IBridgeEscrow(dispatch.escrow).lanes_of(dispatch.instrument)
    )
    most: uint256 = 0
    for i: uint256 in range(epoch, bound=_MAX_EPOCHS):
        ratio: ISecurityToken.Ratio = staticcall ISecurityToken(dispatch.token).ratio_at(i + 1)
        most = (most * ratio.numerator + ratio.denominator - 1) // ratio.denominator + words
    return most


@internal
@view
def _ways(there: figures.Figures, base: uint256, day: uint256, hints: uint256[3]) -> Ways:
    """
    @dev What was between ledgers, by what home tells of its close and a remote ledger of one of its own in the same
         units, and by what their epoch began with; a direction below zero wraps.
    """
    escrow: IBridgeEscrow = IBridgeEscrow(dispatch.escrow)
    lane: bytes32 = there.lane
    suspense: uint256 = staticcall escrow.suspense_at_close(lane, day, hints[1])
    sent: uint256 = staticcall escrow.sent_at_close(lane, day, hints[2])
    held: uint256 = staticcall ISecurityToken(dispatch.token).balance_at_close(
        figures._ends(lane).custody, day, hints[0]
    )
    owed: uint256 = held - suspense
    more: uint256 = (base >> _MORE_SHIFT) & _MORE_MASK
    # What left for there, and came there by others, since the epoch began; and what it began with.
    there_in: uint256 = unsafe_add(
        unsafe_add(base, sent),
        unsafe_sub(there.came, (base >> _CAME_SHIFT) & figures.AMOUNT_MAX),
    )
    outward: uint256 = (
        unsafe_sub(there_in, unsafe_add(there.supply, there.sent)) & figures.AMOUNT_MAX
    )
    homeward: uint256 = (
        unsafe_sub(
            unsafe_add(unsafe_add(owed, more), there.came), unsafe_add(there.supply, outward)
        )
        & figures.AMOUNT_MAX
    )
    return Ways(
        held=held,
        suspense=suspense,
        owed=owed,
        more=more,
        homeward=homeward,
        outward=outward,
    )


@internal
@view
def _base(lane: bytes32, day: uint256, epoch: uint256) -> uint256:
    """
    @dev What an epoch began with, as a close is asked for that its ledger told of; for that close alone, if it told in
         older units. Nothing: it was not carried, or told in later ones.
    """
    if figures._figures(lane, day).epoch != epoch:
        return self._bases[lane][self._restating(day, epoch)]
    return _FIXED if epoch == 0 else self._bases[lane][epoch]


@internal
@pure
def _restating(day: uint256, epoch: uint256) -> uint256:
    """
    @dev Under what is kept what an epoch began with for one close alone.
    """
    return (day << _CLOSE_SHIFT) | epoch


@internal
@view
def _told(lane: bytes32, day: uint256, epoch: uint256) -> figures.Figures:
    """
    @dev What a lane's ledger told of a close; in units of an epoch in force here, if it told in older ones: rounded
         down, what came towards zero, and nothing sent yet.
    """
    there: figures.Figures = figures._figures(lane, day)
    since: uint256 = there.epoch
    if since < epoch:
        there.epoch = epoch
        there.supply = self._carried(there.supply, since, epoch)
        there.suspense = self._carried(there.suspense, since, epoch)
        there.sent = 0
        if there.came >> 103 == 0:
            there.came = self._carried(there.came, since, epoch)
        else:
            came: uint256 = self._carried(figures.AMOUNT_MAX + 1 - there.came, since, epoch)
            there.came = unsafe_sub(0, came) & figures.AMOUNT_MAX
    return there


@internal
@view
def _carried(amount: uint256, since: uint256, until: uint256) -> uint256:
    """
    @dev What ratios in force here make of an amount.
    """
    return staticcall ISecurityToken(dispatch.token).carried(amount, since, until)


@internal
@pure
def _is_negative(units: uint256) -> bool:
    """
    @dev Whether a difference is below zero.
    """
    return units >> 255 != 0


@internal
def _end_elsewhere(coaf: bytes32, day: uint256, units: uint256, lanes: DynArray[bytes32, 16]):
    """
    @dev Fix what is with other bridges, if something is and no lane waits.
    """
    if units == 0:
        return
    for lane: bytes32 in lanes:
        if self._shares[coaf][lane] == 0 and self._has_books(lane, day):
            return
    self._shares[coaf][self._elsewhere()] = _FIXED | units
    log ElsewhereFixed(coaf=coaf, units=units)


@internal
def _check_lane(lane: bytes32):
    """
    @dev Revert unless this is a lane of the instrument.
    """
    figures._far_ledger(lane)


@internal
@view
def _has_books(lane: bytes32, day: uint256) -> bool:
    """
    @dev Whether a lane of the instrument has books of a close: it was not closed by then, nor another one of its pair
         still open.
    """
    ends: IBridgeEscrow.LaneEnds = figures._ends(lane)
    return day >= ends.first_day and day < ends.until


@internal
def _check_part(lane: bytes32):
    """
    @dev Revert unless this is a lane of the instrument or, at home, what is with other bridges.
    """
    if lane != self._elsewhere() or not dispatch.is_home:
        self._check_lane(lane)


@internal
@view
def _counts(lane: bytes32, day: uint256) -> bool:
    """
    @dev Whether nothing contradicts what a lane's remote ledger told of a day.
    """
    return figures._counts(lane, day)


@internal
@view
def _newest_close(coaf: bytes32, lane: bytes32) -> (uint256, uint256):
    """
    @dev The newest close of a lane that was reconciled and tells of an event's units, and most that were still to land
         here then. What is fixed was reconciled, so that of what was between ledgers at the event's close no more may
         still land.
         A close in the units of later ratios tells of older ones if none of those made fewer of them: then of no old
         unit less than a new one is under way, and of one made `numerator` exactly so many. Where fewer were made, of
         many old units none may be left, and the last close in their own decides.
    """
    unit_epoch: uint256 = events._version(events.event_of[coaf].in_force).unit_epoch
    day: uint256 = 0
    kept: uint256 = 0
    day, kept = suspensions._newest(lane, unit_epoch)
    later: uint256 = 0
    may_land: uint256 = 0
    epoch: uint256 = 0
    later, may_land, epoch = suspensions._last(lane)
    if epoch <= unit_epoch:
        return (day, kept)
    # What left since may land, too; of what had left no more than before.
    for _: uint256 in range(_MAX_EPOCHS):
        ratio: ISecurityToken.Ratio = staticcall ISecurityToken(dispatch.token).ratio_at(epoch)
        # Nor of one that is not known here yet.
        if ratio.numerator < max(ratio.denominator, 1):
            return (day, kept)
        if ratio.denominator == 1:
            may_land = unsafe_div(may_land, ratio.numerator)
        epoch = unsafe_sub(epoch, 1)
        if epoch == unit_epoch:
            break
    return (later, may_land if day == 0 else min(may_land, kept))


@internal
@view
def _epoch_on(day: uint256) -> uint256:
    """
    @dev In the units of which epoch this ledger's closings of a day are.
    """
    return staticcall ISecurityToken(dispatch.token).epoch_on(day)


@internal
@view
def _units(coaf: bytes32, lane: bytes32) -> uint256:
    """
    @dev What is owed for on this ledger: by accounts, under no lane, or what lands here from a lane.
    """
    word: uint256 = self._shares[coaf][lane if dispatch.is_home else empty(bytes32)]
    assert word & _FIXED != 0, "cut: not fixed yet"
    if lane != empty(bytes32) and not dispatch.is_home:
        word = word >> _CROSSING_SHIFT
    return word & figures.AMOUNT_MAX


@internal
@view
def _share(coaf: bytes32, lane: bytes32) -> Share:
    """
    @dev A share, as fixed.
    """
    word: uint256 = self._shares[coaf][lane if dispatch.is_home else empty(bytes32)]
    here: uint256 = word & figures.AMOUNT_MAX
    share: Share = Share(
        fixed=word & _FIXED != 0,
        home_crossing=0,
        accounts=here,
        crossing=(word >> _CROSSING_SHIFT) & figures.AMOUNT_MAX,
    )
    if dispatch.is_home and lane != empty(bytes32):
        share.home_crossing = here
        share.accounts = 0
        if share.fixed:
            # A cancellation names the same day. What is with other bridges has no figures.
            version: events.Version = events._version(events.event_of[coaf].in_force)
            there: figures.Figures = self._told(lane, version.record_day, version.unit_epoch)
            share.accounts = unsafe_sub(there.supply, there.suspense)
    return share


@internal
@view
def _elsewhere() -> bytes32:
    """
    @dev Under what name is kept what is with other bridges.
    """
    return convert(dispatch.token, bytes32)


@internal
@pure
def _body(totals: Totals) -> bytes32:
    """
    @dev EIP-712 struct hash of totals. All fields are one word, so that the ABI encoding is the struct encoding.
    """
    return keccak256(abi_encode(_TOTALS_TYPEHASH, totals))
