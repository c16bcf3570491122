"""The codes of corporate actions, as data: what kind an event is and whether holders choose.

All event types of ISO 20022 are accepted in a record; `AUTOMATED` are those whose payment the
engine computes, `RATIOS` those that make of every unit others, `REDEMPTIONS` those that do both.

Sources: CorporateActionEventType35Code and CorporateActionMandatoryVoluntary1Code in
seev.031.001.15, names from the external code set of ISO 20022; FractionDispositionType8Code there
(seev.036.001.16 has no UKWN), what its codes mean from the data field dictionary of ISO 15022, MT
564, field 22F, qualifier DISF.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["AUTOMATED", "CAEV", "CAMV", "FRACTION", "RATIOS", "REDEMPTIONS", "REVERSAL"]

CAEV: Final[Mapping[str, str]] = {
    "ACCU": "accumulation",
    "ACTV": "trading status: active",
    "ATTI": "attachment",
    "BIDS": "repurchase offer, issuer bid",
    "BONU": "bonus issue, capitalisation issue",
    "BPUT": "put redemption",
    "BRUP": "bankruptcy",
    "CAPD": "capital distribution",
    "CAPG": "capital gains distribution",
    "CAPI": "capitalisation",
    "CERT": "non-US beneficial owner certification",
    "CHAN": "change",
    "CLSA": "class action, proposed settlement",
    "CONS": "consent",
    "CONV": "conversion",
    "COOP": "company option",
    "CREV": "credit event",
    "DECR": "decrease in value",
    "DETI": "detachment",
    "DFLT": "bond default",
    "DLST": "trading status: delisted",
    "DRAW": "drawing",
    "DRCA": "cash distribution from non-eligible securities sales",
    "DRIP": "dividend reinvestment",
    "DSCL": "disclosure",
    "DTCH": "Dutch auction",
    "DVCA": "cash dividend",
    "DVOP": "dividend option",
    "DVSC": "scrip dividend",
    "DVSE": "stock dividend",
    "EXOF": "exchange",
    "EXRI": "call on intermediate securities",
    "EXTM": "maturity extension",
    "EXWA": "warrant exercise",
    "INCR": "increase in value",
    "INFO": "information",
    "INTR": "interest payment",
    "LIQU": "liquidation dividend, liquidation payment",
    "MCAL": "full call, early redemption",
    "MRGR": "merger",
    "NOOF": "non-official offer",
    "ODLT": "odd lot sale, odd lot purchase",
    "OTHR": "other event",
    "PARI": "pari passu",
    "PCAL": "partial redemption with reduction of nominal value",
    "PDEF": "prefunding, partial defeasance",
    "PINK": "interest payment in kind",
    "PLAC": "place of incorporation",
    "PPMT": "instalment call",
    "PRED": "partial redemption without reduction of nominal value",
    "PRIO": "priority issue",
    "RCLA": "reclassification of tax",
    "REDM": "final maturity",
    "REDO": "redenomination",
    "REMK": "remarketing agreement",
    "RHDI": "intermediate securities distribution",
    "RHTS": "rights issue",
    "SHPR": "shares premium dividend",
    "SMAL": "smallest negotiable unit",
    "SOFF": "spin-off",
    "SPLF": "stock split, change in nominal value",
    "SPLR": "reverse stock split, change in nominal value",
    "SUSP": "trading status: suspended",
    "TEND": "tender, acquisition, takeover, purchase offer",
    "TNDP": "taxable no dividend payable",
    "TREC": "tax reclaim",
    "WRTH": "worthless",
    "WTRC": "withholding tax relief certification",
}
CAMV: Final[Mapping[str, str]] = {
    "CHOS": "mandatory with options",
    "MAND": "mandatory",
    "VOLU": "voluntary",
}
# Why an event is reversed: CorporateActionReversalReason3Code of seev.037.001.16.
REVERSAL: Final[Mapping[str, str]] = {
    "DCBD": "day count basis",
    "FNRC": "funds not received",
    "IETR": "event tax rate",
    "IPCU": "payment currency",
    "IPRI": "price",
    "IRED": "record or entitlement date",
    "IVAD": "value date",
    "OTHR": "other",
    "UPAY": "undue payment",
}
# What is done with fractions of what a ratio gives.
FRACTION: Final[Mapping[str, str]] = {
    "BUYU": "rounded up, for payment",
    "CINL": "cash in lieu",
    "DIST": "distributed as units",
    "RDDN": "rounded down, discarded",
    "RDUP": "rounded up at no cost",
    "STAN": "rounded up from one half on, else down",
    "UKWN": "not known",
}
# Cash to every holder at one rate.
AUTOMATED: Final = frozenset({"CAPD", "CAPG", "DRCA", "DVCA", "INTR", "PRED", "SHPR"})
# Every unit becomes others, at one ratio; SPLR makes fewer of them, the others more.
RATIOS: Final = frozenset({"BONU", "DVSE", "SPLF", "SPLR"})
# Cash to every holder, and fewer units or, but of PCAL, none.
REDEMPTIONS: Final = frozenset({"MCAL", "PCAL", "REDM"})
