# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Paid: what a remote ledger has paid of an event, as it tells home
@license Apache-2.0
@author Tallystick
@notice A remote engine sums what it paid so far, by part, and says whether each is funded in full; anyone carries that
        home, which keeps the newest and refuses what can't be: less than it was told before, or more than it fixed for
        that ledger.
@dev Nothing is counted for this: what was paid of a part is what was fixed, less what is left of it and what went back.
"""
from contracts.actions import cut
from contracts.actions import dispatch
from contracts.actions import events
from contracts.actions import figures
from contracts.actions import payments

uses: cut
uses: dispatch
uses: events
uses: figures
uses: payments

_PAID_TYPEHASH: constant(bytes32) = keccak256(
    "PaidSoFar(bytes32 coaf,bytes32 lane,uint256 accounts_units,uint256 accounts_gross,"
    "uint256 accounts_tax,uint256 crossing_units,uint256 crossing_gross,uint256 crossing_tax,"
    "uint256 funded)"
)


struct PaidSoFar:
    coaf: bytes32
    lane: bytes32
    # Base units paid for, and smallest units: for accounts there, and for what landed there.
    accounts_units: uint256
    accounts_gross: uint256
    accounts_tax: uint256
    crossing_units: uint256
    crossing_gross: uint256
    crossing_tax: uint256
    # 1 once every part there is funded in full, or nothing is due of it; for good.
    funded: uint256


# COAF -> lane -> what its remote ledger told last: of accounts and of what landed, units, gross, tax
_told: HashMap[bytes32, HashMap[bytes32, uint256[6]]]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[16]


event PaidSent:
    coaf: indexed(bytes32)
    id: indexed(bytes32)
    header: dispatch.Header
    paid: PaidSoFar


event PaidTaken:
    coaf: indexed(bytes32)
    lane: indexed(bytes32)
    paid: PaidSoFar


# ------------------------------------------------------------------------------ anyone


@external
def send_paid(coaf: bytes32, lane: bytes32):
    """
    @notice Remote: tell what was paid of an event here so far, and whether it is funded in full; told again before
            another payment, the same message.
    @param coaf The event.
    @param lane This ledger's lane.
    @custom:role anyone
    """
    assert not dispatch.is_home, "paid: home knows its own"
    figures._far_ledger(lane)
    accounts: payments.Payment = payments._paid_so_far(coaf, empty(bytes32))
    crossing: payments.Payment = payments._paid_so_far(coaf, lane)
    funded: bool = payments._is_funded(coaf, empty(bytes32)) and payments._is_funded(coaf, lane)
    assert funded or accounts.units + crossing.units != 0, "paid: nothing was paid"
    paid: PaidSoFar = PaidSoFar(
        coaf=coaf,
        lane=lane,
        accounts_units=accounts.units,
        accounts_gross=accounts.gross,
        accounts_tax=accounts.tax,
        crossing_units=crossing.units,
        crossing_gross=crossing.gross,
        crossing_tax=crossing.tax,
        funded=convert(funded, uint256),
    )
    header: dispatch.Header = dispatch._send(dispatch.PAID, self._body(paid))
    log PaidSent(coaf=coaf, id=dispatch._id(header), header=header, paid=paid)


@external
def take_paid(header: dispatch.Header, paid: PaidSoFar, attestation: Bytes[1034]):
    """
    @notice Home: take what a remote ledger has paid of an event so far; more than was known before.
    @param header The message, as the remote engine logged it.
    @param paid What it tells.
    @param attestation What that ledger's verifier here asks for, in the domain of its engine.
    @custom:role anyone
    """
    events._check_home()
    dispatch._verify(header, dispatch.PAID, self._body(paid), attestation)
    # A ledger tells of its own lane alone.
    assert figures._far_ledger(paid.lane) == header.source_ledger, "paid: of another's lane"
    share: cut.Share = cut._share(paid.coaf, paid.lane)
    assert share.fixed, "paid: not fixed yet"
    terms: uint256 = events._terms[paid.coaf]
    told: uint256[6] = [
        paid.accounts_units,
        paid.accounts_gross,
        paid.accounts_tax,
        paid.crossing_units,
        paid.crossing_gross,
        paid.crossing_tax,
    ]
    fixed: uint256[2] = [share.accounts, share.crossing]
    for part: uint256 in range(2):
        units: uint256 = told[3 * part]
        gross: uint256 = told[3 * part + 1]
        assert (
            units <= fixed[part]
            and gross <= payments._gross(terms, units)
            and told[3 * part + 2] <= gross
        ), "paid: more than was fixed"
    assert paid.funded <= 1, "paid: out of range"
    was_funded: bool = payments._funded_there[paid.coaf][paid.lane]
    more: bool = paid.funded == 1 and not was_funded
    # A part that was opened stays so.
    assert paid.funded == 1 or not was_funded, "paid: funded before"
    for i: uint256 in range(6):
        before: uint256 = self._told[paid.coaf][paid.lane][i]
        assert told[i] >= before, "paid: less than before"
        more = more or told[i] != before
    assert more, "paid: known already"
    self._told[paid.coaf][paid.lane] = told
    if paid.funded == 1:
        payments._funded_there[paid.coaf][paid.lane] = True
    log PaidTaken(coaf=paid.coaf, lane=paid.lane, paid=paid)


# ------------------------------------------------------------------------------- views


@external
@view
def paid_at(coaf: bytes32, lane: bytes32) -> uint256[6]:
    """
    @notice Home: what a remote ledger told last of what it has paid of an event.
    @param coaf The event.
    @param lane That ledger's lane.
    @return Units, gross and tax paid to accounts there; units, gross and tax paid for what landed there.
    """
    return self._told[coaf][lane]


@external
@view
def is_funded_there(coaf: bytes32, lane: bytes32) -> bool:
    """
    @notice Home: whether a remote ledger told that every part of an event there is funded in full.
    @param coaf The event.
    @param lane That ledger's lane.
    @return Whether it did.
    """
    return payments._funded_there[coaf][lane]


# ---------------------------------------------------------------------------- internal


@internal
@pure
def _body(paid: PaidSoFar) -> bytes32:
    """
    @dev EIP-712 struct hash. All fields are one word, so that the ABI encoding is the struct encoding.
    """
    return keccak256(abi_encode(_PAID_TYPEHASH, paid))
