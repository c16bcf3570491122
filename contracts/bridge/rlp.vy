# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title RLP: one item at a time, in its one canonical form
@license Apache-2.0
@author Tallystick
@notice Reads the encoding of Ethereum's nodes, accounts and headers (yellow paper, appendix B).
@dev Whoever walks an encoding reads the 32 bytes at a position and asks what begins there; a head has at most three of
     them. Nothing is copied. What has two encodings anywhere else has one here: a length as short as it can be,
     a byte below 128 as itself, no item beyond the end of what it lies in.
"""

_STRING: constant(uint256) = 128
_LIST: constant(uint256) = 192
# Longer payloads say how many bytes their length has.
_SHORT: constant(uint256) = 55
_MAX_LENGTH_BYTES: constant(uint256) = 2


@internal
@pure
def _item(word: uint256, position: uint256, end: uint256) -> (uint256, uint256, bool):
    """
    @dev The item that begins at `position` with the bytes of `word`, inside what ends at `end`: where its payload
         begins, where the item ends, whether it is a list.
    """
    first: uint256 = word >> 248
    if first < _STRING:
        assert position < end, "rlp: beyond its end"
        return position, unsafe_add(position, 1), False
    is_list: bool = first >= _LIST
    start: uint256 = unsafe_add(position, 1)
    length: uint256 = unsafe_sub(first, _LIST if is_list else _STRING)
    if length > _SHORT:
        count: uint256 = unsafe_sub(length, _SHORT)
        assert count <= _MAX_LENGTH_BYTES, "rlp: item too long"
        start = unsafe_add(start, count)
        length = (word << 8) >> unsafe_sub(256, count << 3)
        assert length > _SHORT, "rlp: long form of a short length"
        assert length >> (unsafe_sub(count, 1) << 3) != 0, "rlp: length begins with zero"
    elif length == 1 and not is_list:
        assert (word >> 240) & 255 >= _STRING, "rlp: long form of one byte"
    stop: uint256 = unsafe_add(start, length)
    assert stop <= end, "rlp: beyond its end"
    return start, stop, is_list
