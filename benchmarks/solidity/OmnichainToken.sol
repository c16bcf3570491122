// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.22;

import {OFT} from "@layerzerolabs/oft-evm/contracts/OFT.sol";

/// @title LayerZero's token, made a contract; for measuring only.
contract OmnichainToken is OFT {
    constructor(address endpoint, address owner) OFT("Benchmark", "BNCH", endpoint, owner) {}
}
