"""The main job as a user runs it: told to its end, on both back ends, for any good file."""

from __future__ import annotations

import html.parser
import io
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from tallystick.chain.process import find_anvil
from tallystick.cli.report import Told
from tallystick.demo import story as demo
from tallystick.demo.report import Figure, Report, Sample, svg
from tallystick.errors import InputError
from tools.readme import README, WIDTH, excerpt, sample_of
from tools.report import ROOT

EXAMPLES = ROOT / "examples"

BACKENDS = [
    "embedded",
    pytest.param(
        "anvil", marks=pytest.mark.skipif(find_anvil() is None, reason="anvil is not installed")
    ),
]


def tell(
    backend: str, instrument: Path = EXAMPLES / "apple.yaml", out: Path | None = None
) -> tuple[int, str]:
    """Run the demo into a string; returns the exit status and what was printed."""
    console = Console(file=io.StringIO(), width=WIDTH)
    status = demo.run(instrument, backend, out, Told(console))
    file = console.file
    assert isinstance(file, io.StringIO)
    return status, file.getvalue()


class _Outside(html.parser.HTMLParser):
    """Collects everything that a page would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "img", "iframe", "object", "embed"}:
            self.loads.append(tag)
        self.loads += [name for name, _ in attrs if name in {"src", "href", "srcset", "xlink:href"}]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-6", "INV-10", "INV-12", "R-24")
def test_story_ends_with_all_invariants_holding(backend: str) -> None:
    status, text = tell(backend)
    assert status == 0
    assert len(re.findall(r"^\d+\. ", text, re.MULTILINE)) == 16
    assert len(re.findall(r"│ INV-(?:[1-6]|12) .*│ holds", text)) == 7
    assert "BROKEN" not in text


@pytest.mark.requirement("INV-3", "INV-4", "R-20")
def test_each_bad_message_is_refused_for_its_own_reason() -> None:
    _, text = tell("embedded")
    text = text[text.index("Messages that are refused") : text.index("A message arrives too late")]
    for reason in (
        "transit: delivered already",
        "verifier: wrong signature",
        "verifier: too few signatures",
        "transit: needs two attestations",
        "transit: wrong direction",
    ):
        assert text.count(reason) == 1


@pytest.mark.requirement("INV-3", "R-24")
def test_what_comes_too_late_is_back_with_its_sender() -> None:
    _, text = tell("embedded")
    assert text.count("a claim is refused, transit: past its deadline.") == 1
    assert re.search(r"has the units again \([\d,]+ gas\)\.", text)
    # And the one of the split.
    assert re.search(r"messages returned\W+2\b", text)


@pytest.mark.requirement("R-69")
def test_attestors_change_while_what_they_signed_is_under_way() -> None:
    _, text = tell("embedded")
    assert "What was signed before arrives: the epoch before stays valid for a while." in text
    assert re.search(r"signed by 0x\w{8}… too: refused, verifier: wrong signature\.", text)


@pytest.mark.requirement("INV-11", "R-25")
def test_what_is_over_the_limit_waits_its_time_and_lands() -> None:
    _, text = tell("embedded")
    text = text[
        text.index("More arrives than the lane's limit") : text.index("Token, escrow and engine")
    ]
    text = " ".join(text.split())
    moment = r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"
    [(limit, window)] = re.findall(r"a limit of ([\d,]+) in ([\d,]+) s", text)
    [amount] = re.findall(r"locks ([\d,]+) for", text)
    [(delivered, until)] = re.findall(f"Delivered at {moment}, .* suspense until {moment}:", text)
    most, seconds, arrived = (int(each.replace(",", "")) for each in (limit, window, amount))
    waited = datetime.fromisoformat(until) - datetime.fromisoformat(delivered)
    expected = (arrived - most) * seconds / most
    # Blocks before it take a second each, in which room comes back.
    assert expected - 5 <= waited.total_seconds() <= expected
    assert "refused, transit: waits for its lane's limit." in text
    assert "Then anyone claims it" in text


@pytest.mark.requirement("R-41")
def test_past_close_sums_to_the_issue_with_a_unit_in_transit() -> None:
    _, text = tell("embedded")
    [total] = re.findall(r"│ Sum over both ledgers .*│ +([\d,.]+) │", text)
    [issue] = re.findall(r"│ Issue at that close .*│ +([\d,.]+) │", text)
    [transit] = re.findall(r"│ in transit \(locked at home, .*│ +([\d,.]+) │", text)
    assert total == issue
    assert transit != "0"


@pytest.mark.requirement("INV-12")
def test_a_split_makes_four_of_every_unit_wherever_it_is() -> None:
    _, text = tell("embedded")
    text = text[text.index("A split, four for one") : text.index("A dividend over both")]
    rows = re.findall(r"│ (.+?) +│ [\w-]+ +│ +([\d,.]+) │ +([\d,.]+) │", text)
    [(before, after)] = re.findall(r"│ Sum +│ +│ +([\d,.]+) │ +([\d,.]+) │", text)
    shown = {name: _units(name, was, now) for name, was, now in rows}
    for title in ("under way", "in suspense"):
        assert any(name.endswith(f", {title}") for name in shown)
    # Two to one holder: out, and what comes too late.
    assert len(rows) == len(shown) + 1
    total, new_total = _units("sum", before, after)
    assert sum(_units(*row)[0] for row in rows) == total
    assert new_total == 4 * total
    [(frozen, now)] = re.findall(r", ([\d,.]+) were frozen, and ([\d,.]+) are\.", text)
    assert _units("frozen", frozen, now)[0] > 0
    [(left, back)] = re.findall(r"([\d,.]+) when it left, goes back to [\w-]+: ([\d,.]+)\.", text)
    assert _units("back", left, back)[0] > 0
    assert "Nothing is left to do on either ledger" in " ".join(text.split())


def _units(what: str, before: str, after: str) -> tuple[Decimal, Decimal]:
    """What was there and what is: four of each."""
    was, now = (Decimal(text.replace(",", "")) for text in (before, after))
    assert now == 4 * was, what
    return was, now


@pytest.mark.requirement("INV-6", "R-43", "R-46")
def test_dividend_is_paid_to_the_unit_with_units_between_the_ledgers() -> None:
    _, text = tell("embedded")
    [paid] = re.findall(r"│ Sum +│ +│ +([\d,.]+) │ +([\d,.]+) │ +([\d,.]+) │ +([\d,.]+) │", text)
    units, gross, tax, net = (Decimal(figure.replace(",", "")) for figure in paid)
    [(issue, announced)] = re.findall(r"Announced for ([\d,.]+) units: ([\d,.]+) USD", text)
    assert units == Decimal(issue.replace(",", ""))
    # Each of ten payments rounds down by less than one smallest unit; so does each part.
    assert 0 <= Decimal(announced.replace(",", "")) - gross < Decimal("0.00001")
    assert tax + net == gross
    for where in ("under way", "in suspense"):
        assert f"({where})" in text
    assert "the engines hold nothing, for 0 units." in text
    assert text.count("claims once more: refused, payments: paid already") == 1


def test_page_holds_everything_and_loads_nothing(tmp_path: Path) -> None:
    status, text = tell("embedded", out=tmp_path)
    page = (tmp_path / "index.html").read_text()
    outside = _Outside()
    outside.feed(page)
    assert status == 0
    assert outside.loads == []
    assert page.count("<h2>") == 16
    assert page.count("<svg") == 3
    assert f"report {tmp_path / 'index.html'}" in text
    # What README.md shows is what is told; `python -m tools.readme` writes it anew.
    assert sample_of((ROOT / README).read_text()) == excerpt(text)
    written = sorted(file.name for file in tmp_path.iterdir())
    assert written == ["abi", "index.html", "manifest.json"]


def test_another_instrument_carries_the_story_too() -> None:
    status, text = tell("embedded", EXAMPLES / "bund.yaml")
    assert status == 0
    assert "DE0001102580" in text


def test_file_with_one_ledger_is_refused_before_anything_runs(tmp_path: Path) -> None:
    text = (EXAMPLES / "apple.yaml").read_text()
    text = re.sub(r"  - name: remote\n    dti: X9J9K872S\n    dti_of: ledger\n", "", text)
    text = re.sub(r"  - name: [\w-]+\n    ledger: remote\n(?:    .*\n)+", "", text)
    path = tmp_path / "one.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        tell("embedded", path, tmp_path / "out")
    assert str(caught.value) == f"{path}: ledgers: 1: expected at least two ledgers"
    assert not (tmp_path / "out").exists()


def test_figure_is_stacked_to_the_issue_and_says_where_its_scale_starts() -> None:
    drawn = svg(
        Figure("Units", ("home", "away"), (Sample("a", (900, 100)), Sample("b", (850, 150))), 0)
    )
    heights = [float(value) for value in re.findall(r'height="([\d.]+)" fill="#', drawn)]
    assert "The scale starts at 760." in drawn
    assert heights[0] + heights[1] == pytest.approx(300, abs=0.2)
    assert heights[2] + heights[3] == pytest.approx(300, abs=0.2)


def test_text_of_a_file_cannot_become_markup(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=100)
    report = Report("<b>title</b>", "[red]note[/red]", Told(console))
    report.section("<script>alert(1)</script>")
    report.say("a & b [bold]")
    report.table("t", ("<i>",), [("<td>",)])
    report.write(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script>" not in page
    assert "<i>" not in page
    assert isinstance(console.file, io.StringIO)
    assert "[red]note[/red]" in console.file.getvalue()
