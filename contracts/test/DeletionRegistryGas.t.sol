// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IDeletionRegistry} from "../interfaces/IDeletionRegistry.sol";
import {RegistryFixture} from "./helpers/RegistryFixture.sol";

/// @notice What attestations cost, in snapshots/. Isolated: every call is a transaction of its own, and
/// the 21,000 and its calldata are counted. The app is an AppAuth and has attested before, its nonces are
/// consecutive.
/// forge-config: default.isolate = true
contract DeletionRegistryGasTest is RegistryFixture {
    address private real;

    function setUp() public override {
        super.setUp();
        IAppAuth.Settings memory settings;
        settings.owner = OWNER;
        settings.noticePeriod = 7 days;
        settings.composeHashes = new bytes32[](1);
        settings.composeHashes[0] = HASH;
        real = address(new AppAuth(settings));
        register(real);
        registry.attest(deletionOf(real, 0), sign(deletionOf(real, 0)));
    }

    function test_gas_attest() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(real, 1);
        registry.attest(deletion, sign(deletion));
        vm.snapshotGasLastCall("DeletionRegistry", "attest");
    }

    function test_gas_attestBatch() public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(real, 1, 100);
        registry.attestBatch(batch, sign(batch));
        vm.snapshotGasLastCall("DeletionRegistry", "attestBatch of 100");
    }

    function test_gas_attestRoot() public {
        // A hash, as in life: zero bytes would be cheaper to send.
        IDeletionRegistry.DeletionRoot memory statement = rootOf(real, keccak256("root"), 10_000);
        registry.attestRoot(statement, sign(statement));
        vm.snapshotGasLastCall("DeletionRegistry", "attestRoot of 10,000");
    }
}
