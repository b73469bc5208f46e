// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

/// @title The proxy in front of a local stand-in
/// @notice For local chains and tests, never deployed elsewhere. Stock contracts are ERC-1967 proxies,
/// and the tools read their implementation slot.
contract LocalProxy is ERC1967Proxy {
    constructor(address implementation, bytes memory initialization)
        ERC1967Proxy(implementation, initialization)
    {}
}
