"""Lanes with their epochs, messages, suspense, figures at closes; verifiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from tallystick.bridge.figures import Figure, Landed, Landing
from tallystick.bridge.limits import Limit
from tallystick.bridge.message import NO_CAP, OPEN_END, SUSPENSE_ENDS, Kind
from tallystick.bridge.outbox import EMPTY, PAGE, page_word
from tallystick.chain.abi import encode, keccak
from tallystick.governance.roles import Role
from tallystick.status.rules.governance import stopped
from tallystick.status.rules.step import Changes, Facts, Step, on, proposal, sets
from tallystick.status.rules.token import epochs_since
from tallystick.token.position import AMOUNT_MAX, DAY_MAX, business_day
from tallystick.token.ratios import Ratio, carried

__all__ = ["lane_over", "lane_ratios"]

# Until when a lane has books that was not closed; for how long one that was is walked still.
OPEN: Final = 2**16 - 1
KEPT_DAYS: Final = 102
_KEYS: Final = (Role.OPERATOR, Role.ADMINISTRATOR)
# Of what makes good what a denied message brought, once nothing is proposed.
_UNSETTLED: Final[Mapping[str, Any]] = {"epoch": 0, "issuer": {}, "agreed": False}

proposal("LaneProposed", "LaneOpened", _KEYS, "open_lane terms")
proposal(
    "LaneTermsProposed",
    "LaneTermsConfirmed",
    _KEYS,
    "confirm_lane_terms lane verifier second cap limit",
)
sets("MessageDisowned", "disowned_of id", same="lane nonce amount")
sets("AmendsProposed", "amends_of id", same="issuer epoch", agreed=False)
sets("AmendsAgreed", "amends_of id", agreed=True)
sets("AmendsWithdrawn", "amends_of id", **_UNSETTLED)
sets(
    "LaneTermsConfirmed",
    "pending_lane_terms lane",
    same="verifier second cap limit applies_from",
)


@on("LaneTermsCancelled")
def _lane_terms_cancelled(step: Step) -> Changes:
    return {("pending_lane_terms", step.lane): {}}


@on("LaneOpened")
def _lane_opened(step: Step) -> Changes:
    lane, terms = step.lane, step.terms._asdict()
    instrument = keccak(terms["isin"].encode())
    pair = keccak(encode(["string", "bytes32"], [terms["isin"], terms["peer_ledger"]]))
    limit = Limit(limit=_base(terms), window=terms["limit_window"], ramp=terms["ramp"])
    changes: Changes = {
        ("lane_state", lane): {"terms": terms, "paused_directions": {}},
        ("is_suspended", lane): False,
        ("canonical_lane", pair): lane,
        ("lanes_of", instrument): [*_still_walked(step, instrument, terms["close_minute"]), lane],
        ("lane_ends", lane): _ends(
            terms, _until(step, step.now("canonical_lane", pair, empty=b""))
        ),
        ("lane_of_custody", terms["custody"]): lane,
        ("pending_lane_terms", lane): {},
        ("end_of", lane): {},
        ("lists_of", lane): 0,
        ("is_ended", lane): False,
        ("closing_of", lane): {"counted": 0},
        ("limit_state", lane): asdict(limit),
        ("outbox", lane, 0): EMPTY,
        ("has_arrived", lane, 0): False,
        # Day of each movement -> what it was then, in which epoch; from the first day on, nothing.
        ("_figure", lane, Figure.SENT): {0: (0, 0)},
    }
    if terms["home"]:
        changes["_figure", lane, Figure.SUSPENSE] = {0: (0, 0)}
    token = terms["token"]
    # Of another instrument's token no log is read: its ratios are seen where its lanes take them.
    epoch = step.facts.get((token, "action_epoch"), 0)
    day = business_day(step.at, terms["close_minute"])
    epoch += len(epochs_since(step.facts, token, epoch, day))
    return {**changes, **_in_epoch(lane, epoch)}


def _in_epoch(lane: bytes, epoch: int) -> Changes:
    """In whose units a lane is kept."""
    return {
        ("brought_up_to", lane): epoch,
        ("action_epoch_of", lane): epoch,
        ("sent_in_epoch", lane, epoch): 0,
    }


def lane_ratios(facts: Facts, address: str, lane: bytes, since: int, day: int) -> list[Ratio]:
    """Return the ratios that a lane of an escrow meets after an epoch, up to those of a day."""
    token = facts[address, "lane_state", lane]["terms"]["token"]
    return epochs_since(facts, token, since, day)


def lane_over(state: dict[str, Any], limit: int, ratios: list[Ratio]) -> dict[str, Any]:
    """Return what a lane's state becomes; `limit` is its limit then, in base units."""
    terms = dict(state["terms"])
    for ratio in ratios:
        if terms["cap"] != NO_CAP:
            cap = -(-terms["cap"] * ratio.numerator // ratio.denominator)
            terms["cap"] = min(cap, NO_CAP)
    if terms["limit"] != NO_CAP:
        terms["limit"] = limit // 10 ** int(terms["decimals"])
    sums = {name: carried(state.get(name, 0), ratios) for name in ("outstanding", "suspense")}
    return {**state, **sums, "terms": terms}


def _to_the_lane(step: Step, amount: int, since: int) -> int:
    """An amount of an epoch in the units in which a lane is kept."""
    ratios = lane_ratios(step.facts, step.logged.address, step.lane, since, DAY_MAX)
    return carried(amount, ratios[: step.now("brought_up_to", step.lane) - since])


@on("LaneRatioInForce")
def _lane_ratio_in_force(step: Step) -> Changes:
    """What was sent is counted anew; what it is at closes follows with the next movement."""
    lane, state = step.lane, step.now("lane_state", step.lane)
    terms = {**state["terms"], "cap": step.cap}
    if terms["limit"] != NO_CAP:
        terms["limit"] = step.limit // 10 ** int(terms["decimals"])
    sums = {"outstanding": step.outstanding, "suspense": step.suspense}
    return {
        **step.with_members("lane_state", lane, terms=terms, **sums),
        **step.with_members("limit_state", lane, limit=step.limit),
        **_in_epoch(lane, step.epoch),
    }


def _ends(terms: Mapping[str, Any], first_day: int) -> dict[str, Any]:
    """What contracts are told of an open lane."""
    same = {name: terms[name] for name in ("token", "custody", "peer_ledger")}
    return {**same, "first_day": first_day, "until": OPEN}


def _until(step: Step, lane: bytes) -> int:
    """From which business day on a lane has no books; 0: there is none, or it is open."""
    until = int(step.now("lane_ends", lane, empty={}).get("until", OPEN))
    return 0 if until == OPEN else until


def _still_walked(step: Step, instrument: bytes, minute: int) -> list[bytes]:
    """The lanes of an instrument but those that were closed long ago."""
    today = business_day(step.at, minute)
    lanes = step.now("lanes_of", instrument, empty=[])
    return [lane for lane in lanes if not 0 < _until(step, lane) < today - KEPT_DAYS]


def _base(terms: Mapping[str, Any]) -> int:
    """A lane's limit in base units, 0: none."""
    limit: int = terms["limit"]
    return 0 if limit == NO_CAP else limit * 10 ** int(terms["decimals"])


@on("LaneTermsSet")
def _lane_terms_set(step: Step) -> Changes:
    terms = step.member("terms", "lane_state", step.lane)
    terms = {**terms, "cap": step.cap, "limit": step.limit}
    limit = Limit(**step.now("limit_state", step.lane)).changed(_base(terms), step.at)
    return {
        **step.with_members("lane_state", step.lane, terms=terms),
        ("limit_state", step.lane): asdict(limit),
        ("pending_lane_terms", step.lane): {},
    }


sets("LaneSuspensionSet", "is_suspended lane", to="suspended")


@on("LanePaused", "LaneUnpaused")
def _lane_stops(step: Step) -> Changes:
    ends = step.member("paused_directions", "lane_state", step.lane)
    ends = stopped(step, ends, step.directions)
    return step.with_members("lane_state", step.lane, paused_directions=ends)


def _moved(step: Step, *, outstanding: int = 0, suspense: int = 0, sent: int = 0) -> Changes:
    """A lane's ledger after a message: sums change; what is owed, at home with what leaves."""
    state = step.now("lane_state", step.lane)
    change = {"outstanding": outstanding if state["terms"]["home"] else -outstanding}
    change |= {"suspense": suspense, "sent": sent}
    sums = {name: state.get(name, 0) + more for name, more in change.items()}
    return step.with_members("lane_state", step.lane, **sums)


def _counted(step: Step, figure: Figure, more: int) -> Changes:
    """What is kept of a figure once it has changed: on a remote ledger suspense has no history."""
    fact = ("_figure", step.lane, figure)
    if (days := step.now(*fact, empty=None)) is None:
        return {}
    minute = step.member("terms", "lane_state", step.lane)["close_minute"]
    amount, since = days[max(days)]
    epoch = step.now("brought_up_to", step.lane)
    if figure == Figure.SUSPENSE:
        amount = _to_the_lane(step, amount, since)
    elif since != epoch:
        amount = 0
    changes: Changes = {
        fact: {**days, business_day(step.at, minute): (amount + more, epoch)},
    }
    if figure == Figure.SENT:
        changes["sent_in_epoch", step.lane, epoch] = (amount + more) & AMOUNT_MAX
    return changes


@on("MessageSent")
def _message_sent(step: Step) -> Changes:
    """The next page is still empty."""
    lane, page = step.lane, step.message.nonce // PAGE
    return {
        **_moved(step, outstanding=step.message.amount, sent=1),
        **_counted(step, Figure.SENT, step.message.amount),
        ("outbox", lane, page): page_word([step.id], step.now("outbox", lane, page, empty=EMPTY)),
        ("outbox", lane, page + 1): EMPTY,
        ("_message_of", step.id): (lane, Kind(step.message.kind).direction, step.message.nonce),
    }


def _inward(step: Step) -> Kind:
    """The direction of what arrives over the lane of a step."""
    terms = step.member("terms", "lane_state", step.lane)
    return Kind.RELEASE if terms["home"] else Kind.ISSUE


@on("MessageDelivered")
def _message_delivered(step: Step) -> Changes:
    lane, nonce = step.lane, step.nonce
    limit = Limit(**step.now("limit_state", lane))
    # A denial takes no room.
    if step.amount:
        limit = limit.taken(step.amount, step.at)
    return {
        **_moved(step, outstanding=-step.amount),
        ("limit_state", lane): asdict(limit),
        ("waits", step.id): 0,
        ("has_arrived", lane, nonce): True,
        ("has_arrived", lane, nonce + 1): bool(step.now("has_arrived", lane, nonce + 1)),
        ("suspended", step.id): 0,
        ("landed", step.id): 0,
        ("_message_of", step.id): (lane, _inward(step), nonce),
        **({} if step.amount else {("denial_taken", step.id): True}),
    }


@on("UnitsSuspended")
def _units_suspended(step: Step) -> Changes:
    return {
        **_moved(step, suspense=step.amount),
        **_counted(step, Figure.SUSPENSE, step.amount),
        ("suspended", step.id): step.amount,
    }


@on(*SUSPENSE_ENDS)
def _suspense_ended(step: Step) -> Changes:
    # What never happened leaves the lane's ledger, too.
    undone = step.logged.event == "MessageUndone"
    return {
        **_moved(step, suspense=-step.amount, outstanding=step.outstanding if undone else 0),
        **_counted(step, Figure.SUSPENSE, -step.amount),
        ("suspended", step.id): 0,
    }


@on("MessageUndone")
def _message_undone(step: Step) -> Changes:
    """It never happened: its nonce is free."""
    return {
        ("has_arrived", step.lane, step.nonce): False,
        **step.with_members("closing_of", step.lane, counted=0),
        ("redirect_of", step.id): {},
        ("waits", step.id): 0,
    }


@on("MessageDenied")
def _message_denied(_: Step) -> Changes:
    """The message that says so was logged as sent."""
    return {}


@on("ReopeningProposed")
def _reopening_proposed(step: Step) -> Changes:
    """It waits as a change of the lane's terms does."""
    delay = step.member("terms", "lane_state", step.lane)["change_delay"]
    return step.proposed(*_KEYS, "reopen", step.id, delay=delay)


@on("NonceReopened")
def _nonce_reopened(step: Step) -> Changes:
    return {
        **step.carried_out("reopen", step.id),
        ("has_arrived", step.lane, step.nonce): False,
        **step.with_members("closing_of", step.lane, counted=0),
        ("disowned_of", step.id): {},
    }


@on("MessageDisowned")
def _message_disowned(step: Step) -> Changes:
    """A further denial of the same message makes nothing good anew."""
    if step.now("amends_of", step.id, empty={}):
        return {}
    said = {name: getattr(step, name) for name in ("lane", "amount", "action_epoch")}
    return {("amends_of", step.id): said}


@on("RoundingLeft")
def _rounding_left(step: Step) -> Changes:
    """What was undone had become more together with others; by its denial's id."""
    said = {name: getattr(step, name) for name in ("lane", "amount", "action_epoch")}
    return {("amends_of", step.id): said}


@on("UnitsMadeGood")
def _units_made_good(step: Step) -> Changes:
    """The lane's ledger is as if the message had never arrived."""
    return {
        **_moved(step, outstanding=step.outstanding),
        **step.with_members("amends_of", step.id, made=True, **_UNSETTLED),
    }


# No denial, though it brought nothing.
sets("NothingLanded", "denial_taken id", to=False)
sets("UnitsQueued", "waits id", to="until")
sets("LockSigned", "authorizations holder nonce", to=True)
sets("LockWithdrawn", "authorizations holder nonce", to=True)
sets("RedirectProposed", "redirect_of id", same="payee registrar")
sets("RedirectWithdrawn", "redirect_of id", to={})
sets("SuspenseRedirected", "redirect_of id", to={})
sets("UnitsLanded", "landed id", to="landing")


@on("MessageReturned")
def _message_returned(step: Step) -> Changes:
    """They did not land: the day on which they went is kept."""
    minute = step.member("terms", "lane_state", step.lane)["close_minute"]
    went = Landing(business_day(step.at, minute), Landed.WENT_BACK)
    return {("landed", step.id): went.pack()}


@on("FigureKept")
def _figure_kept(step: Step) -> Changes:
    """It tells the close before it."""
    return {("_answered", (step.lane, step.figure), step.day - 1): True}


sets("EndProposed", "end_of lane", state="state", registrar="registrar", applies_from=0)
sets("EndConfirmed", "end_of lane", same="applies_from")


@on("EndCancelled", "LifeShown")
def _end_dropped(step: Step) -> Changes:
    return {("end_of", step.lane): {}}


@on("LaneEnded")
def _lane_ended(step: Step) -> Changes:
    lane, number = step.lane, step.list
    return {
        ("end_of", lane): {},
        ("is_ended", lane): True,
        ("lists_of", lane): number + 1,
        ("list_of", lane, number): {
            "root": step.root,
            "owed": step.total,
            "epoch": step.member("state", "end_of", lane).epoch,
        },
    }


@on("ListedPaid")
def _listed_paid(step: Step) -> Changes:
    """What is outstanding at home goes down as by an arrival."""
    owed = step.member("owed", "list_of", step.lane, step.list) - step.amount
    since = step.member("epoch", "list_of", step.lane, step.list)
    return {
        **_moved(step, outstanding=-_to_the_lane(step, step.amount, since)),
        **step.with_members("list_of", step.lane, step.list, owed=owed),
        ("is_paid", step.leaf): True,
    }


@on("ClosingProposed")
def _closing_proposed(step: Step) -> Changes:
    """It waits as a change of the lane's terms does."""
    delay = step.member("terms", "lane_state", step.lane)["change_delay"]
    return step.proposed(*_KEYS, "begin_closing", step.lane, step.dust, delay=delay)


@on("ClosingBegun")
def _closing_begun(step: Step) -> Changes:
    return step.carried_out("begin_closing", step.lane, step.dust)


sets("ClosingBegun", "closing_of lane", begun=True, dust="dust", _epoch="epoch")
sets("ClosingCancelled", "closing_of lane", begun=False, taken=b"", dust=0, _epoch=0)
sets("LastWordSaid", "closing_of lane", said="id")
sets("LastWordTaken", "closing_of lane", taken="id", told="told")
# It was taken in as a denial is, and is none.
sets("LastWordTaken", "denial_taken id", to=False)
sets("ArrivalsCounted", "closing_of lane", same="counted")
sets("LaneClosed", "is_ended lane", to=True)
sets("LaneClosed", "end_of lane", to={})
sets("LaneClosed", "lane_ends lane", same="until")


@on("DustPaid")
def _dust_paid(step: Step) -> Changes:
    """What is owed to nobody leaves the lane's sums; the token tells who got it."""
    return {
        **_moved(step, outstanding=-step.outstanding, suspense=-step.suspense),
        **(_counted(step, Figure.SUSPENSE, -step.suspense) if step.suspense else {}),
    }


sets("EpochEnds", "epoch_at lane epoch", same="valid_until")


@on("EpochBegins")
def _epoch_begins(step: Step) -> Changes:
    """Whoever proves what arrives in the newest epoch are the verifiers of the lane's terms."""
    trusted = {"verifier": step.verifier, "second": step.second}
    limit = step.now("limit_state", step.lane)
    terms = {**step.member("terms", "lane_state", step.lane), **trusted}
    valid = {"valid_from": step.valid_from, "valid_until": OPEN_END}
    return {
        **step.with_members("lane_state", step.lane, terms=terms, epoch=step.epoch),
        ("epoch_at", step.lane, step.epoch): {**trusted, **valid},
        **step.with_members("limit_state", step.lane, ramps_until=step.at + limit["ramp"]),
    }


sets("SignersFixed", "SIGNER_SET", to="signer_set")
sets("SignersFixed", "ATTESTATION_TYPEHASH", to="attestation_typehash")
sets("SignersFixed", "signer_set", same="threshold signers")
sets("SignersFixed", "LEI", to="operator")


@on("SignersFixed")
def _operator(step: Step) -> Changes:
    return {("operator",): keccak(step.operator.encode())}
