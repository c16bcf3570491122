// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CrosschainLinked} from "openzeppelin-5/crosschain/CrosschainLinked.sol";
import {ERC20} from "openzeppelin-5/token/ERC20/ERC20.sol";
import {ERC20Crosschain} from "openzeppelin-5/token/ERC20/extensions/ERC20Crosschain.sol";

/// @title OpenZeppelin's token with the bridge in it, made a contract; for measuring only.
contract LinkedToken is ERC20Crosschain {
    constructor() ERC20("Benchmark", "BNCH") CrosschainLinked(new Link[](0)) {}

    /// @notice Name the other end, once: each end's address is made before it knows the other's.
    function link(address gateway, bytes calldata counterpart) external {
        _setLink(gateway, counterpart, false);
    }
}
