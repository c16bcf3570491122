// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BridgeERC20} from "openzeppelin-5/crosschain/bridges/BridgeERC20.sol";
import {CrosschainLinked} from "openzeppelin-5/crosschain/CrosschainLinked.sol";
import {IERC20} from "openzeppelin-5/token/ERC20/IERC20.sol";

/// @title OpenZeppelin's bridge that takes custody, made a contract; for measuring only.
contract LinkedBridge is BridgeERC20 {
    constructor(IERC20 token_) BridgeERC20(token_) CrosschainLinked(new Link[](0)) {}

    /// @notice Name the other end, once: each end's address is made before it knows the other's.
    function link(address gateway, bytes calldata counterpart) external {
        _setLink(gateway, counterpart, false);
    }
}
