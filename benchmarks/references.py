"""What our figures are held against: budgets, and the gas of peers.

Peers are measured the same way: `gasUsed` of the whole transaction, from receipts on anvil 1.7.1
with hard fork osaka, warm state, amounts about 1.2e18, real signatures. In the run that measures
ours (`benchmarks/peers.py`): OpenZeppelin 5.7 behind its ERC1967Proxy, T-REX 4.1.6 behind its
proxies as shipped (without modules, and with three); and the bridges of `benchmarks/bridges.py`:
Hyperlane 12.1 as compiled, LayerZero V2 with one DVN (with two in the row of two verifiers),
OpenZeppelin's bridge of 5.7 on the least gateway that verifies, Chainlink CCIP 2.0. Before, once,
hence constants here: CMTAT 3.1.0 behind its TransparentProxy, Hyperlane (`-deployed`) behind
proxies with the hooks of the live chains, T-REX on it, CMTAT on CCIP 1.6. `-unlimited` has no
limits, `-limited` has. `bare-vyper` is no product: a packed Vyper contract without proxy, roles or
limits, to show what is physically there to be had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["MEASURED", "REFERENCES", "Reference"]

# In place of a figure: measured in the run, and kept in `gas.json`.
MEASURED: Final = None


@dataclass(frozen=True)
class Reference:
    """What one operation is held against: most gas it may take, and what peers take for it."""

    budget: int | None = None
    peers: Mapping[str, int | None] = field(default_factory=dict)


# Bridges beside ours with limits: those that have none, and one that has.
_BY_LIMITS: Final[Mapping[str, int | None]] = {
    "hyperlane-unlimited": MEASURED,
    "layerzero-oft-unlimited": MEASURED,
    "oz-5.7-bridge-unlimited": MEASURED,
    "ccip-2.0-limited": MEASURED,
}

REFERENCES: Final[Mapping[str, Reference]] = {
    "transfer.same_day": Reference(
        43_300,
        {
            "bare-vyper": 36_384,
            "oz-5.7-proxied": MEASURED,
            "cmtat-3.1-proxied": 56_042,
            "t-rex-4.1-proxied": MEASURED,
            "t-rex-4.1-proxied-3-modules": MEASURED,
        },
    ),
    "transfer.first_receipt": Reference(
        None,
        {
            "bare-vyper": 36_396,
            "oz-5.7-proxied": MEASURED,
            "cmtat-3.1-proxied": 73_154,
            "t-rex-4.1-proxied": MEASURED,
        },
    ),
    "transfer.first_of_day": Reference(57_000),
    "transfer.first_of_day.round_after_record_date": Reference(57_000),
    "transfer.first_of_day.later_round": Reference(57_000),
    "transfer.first_of_day.fresh_slots": Reference(91_000),
    "transfer.before_record_date": Reference(91_000),
    "transfer.after_record_date": Reference(91_000, {"cmtat-3.1-snapshots": 265_162}),
    # Bounds of the design: the first touch of both is a day's first too; an epoch's first remainder
    # writes a fresh slot.
    "transfer.ratio_first_touch": Reference(67_000),
    "transfer.ratio_first_touch.announced_close": Reference(102_000),
    "transfer.ratio_first_touch.first_remainder": Reference(90_000),
    "ratio.first_act": Reference(62_000),
    "transfer.batch10": Reference(
        124_000,
        {"bare-vyper": 109_323, "cmtat-3.1-proxied": 197_189, "t-rex-4.1-proxied": MEASURED},
    ),
    "transfer.batch100": Reference(
        900_000,
        {"bare-vyper": 824_211, "cmtat-3.1-proxied": 1_546_220, "t-rex-4.1-proxied": MEASURED},
    ),
    "transfer_from": Reference(
        None,
        {
            "oz-5.7-proxied": MEASURED,
            "cmtat-3.1-proxied": 64_501,
            "t-rex-4.1-proxied": MEASURED,
        },
    ),
    "transfer_from.unlimited": Reference(
        None, {"oz-5.7-proxied": MEASURED, "t-rex-4.1-proxied": MEASURED}
    ),
    "approve.first": Reference(None, {"oz-5.7-proxied": MEASURED, "t-rex-4.1-proxied": MEASURED}),
    "approve": Reference(None, {"oz-5.7-proxied": MEASURED, "t-rex-4.1-proxied": MEASURED}),
    "mint": Reference(
        46_300,
        {
            "oz-5.7-proxied": MEASURED,
            "cmtat-3.1-proxied": 57_952,
            "t-rex-4.1-proxied": MEASURED,
        },
    ),
    "burn": Reference(46_300, {"cmtat-3.1-proxied": 58_025, "t-rex-4.1-proxied": MEASURED}),
    "forced_transfer": Reference(
        55_000, {"cmtat-3.1-proxied": 52_845, "t-rex-4.1-proxied": MEASURED}
    ),
    "enter_order": Reference(70_000),
    "freeze_amount.first": Reference(
        None, {"cmtat-3.1-proxied": 56_698, "t-rex-4.1-proxied": MEASURED}
    ),
    "freeze_amount": Reference(None, {"cmtat-3.1-proxied": 39_598, "t-rex-4.1-proxied": MEASURED}),
    "freeze_account": Reference(None, {"cmtat-3.1-proxied": 54_868, "t-rex-4.1-proxied": MEASURED}),
    "unfreeze_account": Reference(
        None, {"cmtat-3.1-proxied": 32_956, "t-rex-4.1-proxied": MEASURED}
    ),
    "pause": Reference(None, {"cmtat-3.1-proxied": 52_501, "t-rex-4.1-proxied": MEASURED}),
    "admit.first": Reference(None, {"t-rex-4.1-proxied-register": MEASURED}),
    # With a limit and a minimum; 5,000 more than without, which is what one more slot costs.
    "lane.lock_send.limited": Reference(90_000, _BY_LIMITS),
    "lane.burn_send.limited": Reference(86_000, _BY_LIMITS),
    "lane.deliver_mint.2of3.limited": Reference(89_500, _BY_LIMITS),
    "lane.security_token_across.limited": Reference(180_000),
    "lane.release.2of3.limited": Reference(91_500, _BY_LIMITS),
    "lane.deliver_batch.25.per_message.limited": Reference(32_000),
    "lane.deliver_mint.2x2of3.limited": Reference(106_000),
    "lane.lock_send": Reference(
        85_000,
        {
            "bare-vyper": 46_288,
            "hyperlane": MEASURED,
            "hyperlane-deployed": 223_702,
            "layerzero-oft": MEASURED,
            "oz-5.7-bridge": MEASURED,
            "ccip-2.0": MEASURED,
            "cmtat-on-ccip-1.6": 233_043,
        },
    ),
    # Its token's openings of the day are written: what is left is the landing word and its event.
    "lane.deliver_mint.over_a_close": Reference(112_000),
    "lane.refund": Reference(97_000),
    "lane.burn_send": Reference(
        81_000,
        {
            "bare-vyper": 36_009,
            "hyperlane": MEASURED,
            "hyperlane-deployed": 194_543,
            "layerzero-oft": MEASURED,
            "oz-5.7-bridge": MEASURED,
            "ccip-2.0": MEASURED,
        },
    ),
    "lane.deliver_mint.2of3": Reference(
        84_500,
        {
            "bare-vyper": 50_114,
            "hyperlane": MEASURED,
            "hyperlane-deployed": 115_966,
            "layerzero-oft": MEASURED,
            "oz-5.7-bridge": MEASURED,
            "ccip-2.0": MEASURED,
        },
    ),
    "lane.deliver_mint.5of7": Reference(
        98_500,
        {
            "bare-vyper": 64_493,
            "hyperlane": MEASURED,
            "hyperlane-deployed": 133_732,
            "layerzero-oft": MEASURED,
            "oz-5.7-bridge": MEASURED,
            "ccip-2.0": MEASURED,
        },
    ),
    "lane.release.2of3": Reference(
        86_500,
        {
            "bare-vyper": 52_983,
            "hyperlane": MEASURED,
            "hyperlane-deployed": 120_368,
            "layerzero-oft": MEASURED,
            "oz-5.7-bridge": MEASURED,
            "ccip-2.0": MEASURED,
        },
    ),
    "lane.deliver_mint.2x2of3": Reference(101_000, {"layerzero-oft": MEASURED}),
    "lane.deliver_batch.25.per_message": Reference(27_000),
    "lane.signature": Reference(
        4_600,
        {
            "bare-vyper": 4_798,
            "hyperlane": MEASURED,
            "layerzero-oft": MEASURED,
            "oz-5.7-bridge": MEASURED,
            "ccip-2.0": MEASURED,
        },
    ),
    "lane.security_token_across": Reference(
        170_000,
        {
            "bare-vyper": 96_402,
            "cmtat-on-ccip-1.6": 527_611,
            "t-rex-4.1-on-hyperlane": 608_130,
        },
    ),
    "figures.send": Reference(90_000),
    "figures.take": Reference(115_000),
    "event.take_totals": Reference(75_000),
    "event.fix_with_one_lane": Reference(150_000),
    "claim.moved": Reference(80_000),
    "claim_crossed": Reference(92_000),
    "push.each_of_24": Reference(30_000),
    "lane.prove.9_7": Reference(750_000),
    "lane.prove.root_attested": Reference(350_000),
    "lane.deliver_mint.proven": Reference(84_500),
}
