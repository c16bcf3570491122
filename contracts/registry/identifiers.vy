# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Identifiers: the check digits of the ISO codes, and the form of a chain name
@license Apache-2.0
@author Tallystick
@notice Says whether a code is well formed, its check digits included.
@dev Pure, no storage. A code is read as one word, last character first, and each character is
     looked up in a bit mask, so that a whole ISIN costs less than one storage write.
     `tallystick.registry.identifiers` decides the same, character for character; property tests hold the two
     together. Neither looks up whether a code was ever assigned, nor the country prefixes: those
     lists change, this code cannot.
"""


# Bit n is set where the character with code n is allowed.
_DIGITS: constant(uint256) = 2**58 - 2**48
_UPPER: constant(uint256) = 2**91 - 2**65
_LOWER: constant(uint256) = 2**123 - 2**97
# Letters and digits, space & % ' ( ) + , - . : ? and not the delimiter.
_FISN: constant(uint256) = (
    _DIGITS
    + _UPPER
    + _LOWER
    + 2**32
    + 2**37
    + 2**38
    + 2**39
    + 2**40
    + 2**41
    + 2**43
    + 2**44
    + 2**45
    + 2**46
    + 2**58
    + 2**63
)
# [-a-z0-9] and [-_a-zA-Z0-9]
_CAIP2_NAMESPACE: constant(uint256) = _DIGITS + _LOWER + 2**45
_CAIP2_REFERENCE: constant(uint256) = _DIGITS + _UPPER + _LOWER + 2**45 + 2**95
# Categories of ISO 10962: C D E F H I J K L M O R S T.
_CFI_CATEGORIES: constant(uint256) = (
    2**67
    + 2**68
    + 2**69
    + 2**70
    + 2**72
    + 2**73
    + 2**74
    + 2**75
    + 2**76
    + 2**77
    + 2**79
    + 2**82
    + 2**83
    + 2**84
)
# Value of the letters A to Z in ISO 24165, five bits each, A lowest; 0 for the vowels and Y.
_DTI_LETTERS: constant(uint256) = 1234722758294787983677312260418384047424
# "4H95J0R2X": Bitcoin's code is older than the check character, which would be T (ISO 24165-1).
_DTI_BITCOIN: constant(uint256) = 964434941270054548056
# "eip155:"
_EIP155: constant(uint256) = 28544903230600506

_SPACE: constant(uint256) = 32
_SLASH: constant(uint256) = 47
_ZERO: constant(uint256) = 48
_COLON: constant(uint256) = 58


@internal
@pure
def _isin_ok(code: String[12]) -> bool:
    """
    @dev ISO 6166: two letters, nine letters or digits, one digit; Luhn over the code with each
         letter written as its number 10 to 35. From the right, so that the weight of a digit is
         known when it is met.
    """
    if len(code) != 12:
        return False
    word: uint256 = convert(convert(code, Bytes[12]), uint256)
    total: uint256 = 0
    doubled: bool = False
    for i: uint256 in range(12):
        character: uint256 = word & 255
        word = word >> 8
        if (_DIGITS >> character) & 1 == 1:
            if i > 9:
                return False
            # Unsafe throughout: twelve characters add less than 12 * 20 to the total.
            digit: uint256 = character & 15
            if doubled:
                digit = unsafe_add(digit, digit)
                if digit > 9:
                    digit = unsafe_sub(digit, 9)
            total = unsafe_add(total, digit)
            doubled = not doubled
        else:
            if i == 0 or (_UPPER >> character) & 1 == 0:
                return False
            number: uint256 = unsafe_sub(character, 55)
            tens: uint256 = unsafe_div(number, 10)
            units: uint256 = unsafe_sub(number, unsafe_mul(tens, 10))
            # Two digits, one of each weight; the next character meets the same weight again.
            if doubled:
                units = unsafe_add(units, units)
                if units > 9:
                    units = unsafe_sub(units, 9)
            else:
                tens = unsafe_add(tens, tens)
            total = unsafe_add(total, unsafe_add(tens, units))
    return total % 10 == 0


@internal
@pure
def _lei_ok(code: bytes20) -> bool:
    """
    @dev ISO 17442: eighteen letters or digits, two digits; ISO 7064 MOD 97-10. Check digits 00, 01
         and 99 are congruent to 97, 98 and 02 but never issued: accepting them would give one
         entity two codes.
    """
    word: uint256 = convert(code, uint256)
    total: uint256 = 0
    scale: uint256 = 1
    for i: uint256 in range(20):
        character: uint256 = word & 255
        word = word >> 8
        # Unsafe throughout: twenty characters make a number of at most forty digits.
        if (_DIGITS >> character) & 1 == 1:
            total = unsafe_add(total, unsafe_mul(character & 15, scale))
            scale = unsafe_mul(scale, 10)
            if i == 1 and (total < 2 or total == 99):
                return False
        else:
            if i < 2 or (_UPPER >> character) & 1 == 0:
                return False
            total = unsafe_add(total, unsafe_mul(unsafe_sub(character, 55), scale))
            scale = unsafe_mul(scale, 100)
    return total % 97 == 1


@internal
@pure
def _dti_ok(code: bytes9) -> bool:
    """
    @dev ISO 24165: nine of thirty characters, the first not 0; ISO 7064 hybrid MOD 31,30.
    """
    word: uint256 = convert(code, uint256)
    if word == _DTI_BITCOIN:
        return True
    if word >> 64 == _ZERO:
        return False
    product: uint256 = 30
    # Left to right: the hybrid system is a recurrence, it can't be read from its end.
    word = word << 184
    for i: uint256 in range(9):
        character: uint256 = word >> 248
        word = word << 8
        value: uint256 = 0
        if (_DIGITS >> character) & 1 == 1:
            value = character & 15
        else:
            if (_UPPER >> character) & 1 == 0:
                return False
            value = (_DTI_LETTERS >> unsafe_mul(unsafe_sub(character, 65), 5)) & 31
            if value == 0:
                return False
        total: uint256 = unsafe_add(product, value) % 30  # at most 30 + 29
        if i == 8:
            return total == 1
        if total == 0:
            total = 30
        product = unsafe_add(total, total) % 31
    return False


@internal
@pure
def _cfi_ok(code: bytes6) -> bool:
    """
    @dev ISO 10962: six capitals, the first a category. The attribute tables behind the category are
         checked off chain: they are revised more often than a release.
    """
    word: uint256 = convert(code, uint256)
    if (_CFI_CATEGORIES >> (word >> 40)) & 1 == 0:
        return False
    for i: uint256 in range(6):
        if (_UPPER >> (word & 255)) & 1 == 0:
            return False
        word = word >> 8
    return True


@internal
@pure
def _fisn_ok(name: String[35]) -> bool:
    """
    @dev ISO 18774: issuer of 1 to 15 characters, one slash, a description; at most 35 in all.
         Neither part begins or ends with a space.
    """
    length: uint256 = len(name)
    if length < 3:
        return False
    slash: uint256 = 0
    previous: uint256 = _SPACE
    text: Bytes[35] = convert(name, Bytes[35])
    word: uint256 = 0
    for i: uint256 in range(35):
        if i == length:
            break
        if i == 0 or i == 32:
            word = self._word_at(text, i)
        character: uint256 = word >> 248
        word = word << 8
        if character == _SLASH:
            if slash != 0 or i == 0 or i > 15 or previous == _SPACE:
                return False
            slash = i
            # A description that begins with a space is refused like an issuer that does.
            character = _SPACE
        elif (_FISN >> character) & 1 == 0 or (character == _SPACE and previous == _SPACE):
            return False
        previous = character
    return slash != 0 and previous != _SPACE


@internal
@pure
def _caip2_ok(name: String[41]) -> bool:
    """
    @dev CAIP-2: namespace of 3 to 8, a colon, reference of 1 to 32. An `eip155` reference is a
         decimal number without leading zeros: one chain must not have two names.
    """
    length: uint256 = len(name)
    colon: uint256 = 0
    allowed: uint256 = _CAIP2_NAMESPACE
    is_number: bool = False
    text: Bytes[41] = convert(name, Bytes[41])
    word: uint256 = 0
    for i: uint256 in range(41):
        if i == length:
            break
        if i == 0 or i == 32:
            word = self._word_at(text, i)
            if i == 0 and word >> 200 == _EIP155:
                if (word >> 192) & 255 == _ZERO:
                    return False
                is_number = True
        character: uint256 = word >> 248
        word = word << 8
        if colon == 0 and character == _COLON:
            if i < 3 or i > 8:
                return False
            colon = i
            allowed = _DIGITS if is_number else _CAIP2_REFERENCE
        elif (allowed >> character) & 1 == 0:
            return False
    if colon == 0:
        return False
    # Unsafe: the colon lies before the end.
    reference: uint256 = unsafe_sub(unsafe_sub(length, colon), 1)
    return reference != 0 and reference <= 32


@internal
@pure
def _is_eip155(name: String[41]) -> bool:
    """
    @dev Whether a well formed CAIP-2 name denotes an EVM chain.
    """
    return self._word_at(convert(name, Bytes[41]), 0) >> 200 == _EIP155


@internal
@pure
def _currency_ok(code: bytes3) -> bool:
    """
    @dev ISO 4217: three capitals.
    """
    word: uint256 = convert(code, uint256)
    for i: uint256 in range(3):
        if (_UPPER >> (word & 255)) & 1 == 0:
            return False
        word = word >> 8
    return True


@internal
@pure
def _word_at(text: Bytes[41], start: uint256) -> uint256:
    """
    @dev The 32 bytes from `start`, first character highest, zero where the text ends.
    """
    return convert(extract32(concat(text, empty(bytes32)), start), uint256)
