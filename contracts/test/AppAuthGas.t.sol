// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {IDstackAppAuth} from "../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";

/// @notice What the calls cost that people make, in snapshots/. Isolated: every call is a transaction of
/// its own, and the 21,000 and its calldata are counted.
/// forge-config: default.isolate = true
contract AppAuthGasTest is AppAuthFixture {
    function test_gas_proposeAndActivate() public {
        vm.prank(OWNER);
        app.proposeComposeHash(NEW_HASH);
        vm.snapshotGasLastCall("AppAuth", "proposeComposeHash");
        skip(NOTICE);
        app.activateComposeHash(NEW_HASH);
        vm.snapshotGasLastCall("AppAuth", "activateComposeHash");
    }

    function test_gas_proposeWithSource() public {
        vm.prank(OWNER);
        app.proposeComposeHash(NEW_HASH, HASH, "https://github.com/example/app/tree/0123456789");
        vm.snapshotGasLastCall("AppAuth", "proposeComposeHash with source");
    }

    function test_gas_cancelAndRemove() public {
        vm.prank(OWNER);
        app.proposeComposeHash(NEW_HASH);
        vm.prank(GUARDIAN);
        app.cancelComposeHash(NEW_HASH);
        vm.snapshotGasLastCall("AppAuth", "cancelComposeHash");
        vm.prank(GUARDIAN);
        app.removeComposeHash(HASH);
        vm.snapshotGasLastCall("AppAuth", "removeComposeHash");
    }

    /// The bar is the cost of the call itself, without the transaction around it: a KMS asks by eth_call.
    function test_gas_isAppAllowed() public {
        app = new AppAuth(loose());
        measure("isAppAllowed, any device and image");
        app = new AppAuth(strict());
        measure("isAppAllowed, everything checked");
    }

    function measure(string memory name) private {
        IDstackAppAuth.AppBootInfo memory info = bootInfo();
        (bool allowed,) = app.isAppAllowed(info);
        vm.snapshotGasLastCall("AppAuth", name);
        assertTrue(allowed);
    }
}
