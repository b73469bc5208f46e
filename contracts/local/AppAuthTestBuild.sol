// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";

/// @title AppAuth with a floor of zero, for local chains
/// @notice TEST BUILD, NO GUARANTEE. It has another code hash than AppAuth, and every devproof tool says
/// so. Its notice period protects nobody: it may be zero.
contract AppAuthTestBuild is AppAuth {
    constructor(Settings memory born) AppAuth(born) {}

    /// @inheritdoc AppAuth
    function minNoticePeriod() public pure override returns (uint256) {
        return 0;
    }
}
