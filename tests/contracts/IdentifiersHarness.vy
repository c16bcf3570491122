# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Identifiers harness
@license Apache-2.0
@author Tallystick
@notice Exposes the pure module to its tests.
"""
from contracts.registry import identifiers


@external
@pure
def isin(code: String[12]) -> bool:
    return identifiers._isin_ok(code)


@external
@pure
def lei(code: bytes20) -> bool:
    return identifiers._lei_ok(code)


@external
@pure
def dti(code: bytes9) -> bool:
    return identifiers._dti_ok(code)


@external
@pure
def cfi(code: bytes6) -> bool:
    return identifiers._cfi_ok(code)


@external
@pure
def currency(code: bytes3) -> bool:
    return identifiers._currency_ok(code)


@external
@pure
def fisn(code: String[35]) -> bool:
    return identifiers._fisn_ok(code)


@external
@pure
def caip2(code: String[41]) -> bool:
    return identifiers._caip2_ok(code)


@external
@pure
def is_eip155(code: String[41]) -> bool:
    return identifiers._is_eip155(code)


@external
@pure
def baseline(code: String[12]) -> bool:
    return True


@external
@pure
def baseline_fixed(code: bytes20) -> bool:
    return True


@external
@pure
def baseline_long(code: String[41]) -> bool:
    return True
