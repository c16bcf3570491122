"""The outbox read off the ledgers: which messages a page's word proves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.bridge.message import MessageId
from tallystick.bridge.outbox import EMPTY, PAGE, page_word, words_of

_IDS = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=3 * PAGE, unique=True)


@given(_IDS)
def test_a_page_is_as_long_as_it_is_kept_one_message_after_the_other(ids: list[bytes]) -> None:
    words: dict[int, bytes] = {}
    for nonce, each in enumerate(ids):
        page = nonce // PAGE
        words[page] = page_word([each], words.get(page, EMPTY))
    assert words_of({nonce: MessageId(each) for nonce, each in enumerate(ids)}) == words


@pytest.mark.requirement("R-28")
@given(_IDS, st.data())
def test_a_page_with_a_message_missing_or_another_proves_none(
    ids: list[bytes], data: st.DataObject
) -> None:
    sent = {nonce: MessageId(each) for nonce, each in enumerate(ids)}
    nonce = data.draw(st.sampled_from(sorted(sent)))
    wrong = {**sent}
    if data.draw(st.booleans()):
        wrong[nonce] = MessageId(bytes([sent[nonce][0] ^ 1]) + sent[nonce][1:])
    else:
        del wrong[nonce]
    right, other = words_of(sent), words_of(wrong)
    page = nonce // PAGE
    assert other.get(page, EMPTY) != right[page]
    assert {k: v for k, v in other.items() if k != page} == {
        k: v for k, v in right.items() if k != page
    }
