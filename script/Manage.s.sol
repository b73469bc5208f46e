// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuthFactory} from "../contracts/AppAuthFactory.sol";
import {IAppAuth} from "../contracts/interfaces/IAppAuth.sol";
import {Kinds} from "../contracts/libraries/Kinds.sol";
import {Script, console} from "forge-std/Script.sol";

/// @title An app's policy by forge, for operators who prefer it to the devproof CLI
/// @notice Each function is one step; the account comes from forge's own flags:
///
///     forge script script/Manage.s.sol --rpc-url .. --broadcast \
///         --sig "propose(address,bytes32)" $APP $COMPOSE_HASH
///
/// Settings go by their numbers in {Kinds}: 1 compose hash, 2 device, 3 any device, 4 TCB requirement,
/// 5 OS image, 6 any OS image, 7 notice period, 8 guardian, 9 freeze. Before anything is sent, the call
/// is simulated, so what the contract would refuse is refused here, with its reason. The times printed
/// are the simulation's; those of the block that takes the call may be some seconds later.
contract Manage is Script {
    /// @notice Deploys an app born with one compose hash and any device, and registers it with a KMS
    /// (zero: none). For other settings call the factory itself.
    function deploy(
        address factory,
        address owner,
        address guardian,
        uint32 noticePeriod,
        bytes32 composeHash,
        bytes32 salt,
        address kms
    ) external returns (address app) {
        IAppAuth.Settings memory settings;
        settings.owner = owner;
        settings.guardian = guardian;
        settings.noticePeriod = noticePeriod;
        settings.allowAnyDevice = true;
        settings.composeHashes = new bytes32[](1);
        settings.composeHashes[0] = composeHash;
        vm.broadcast();
        app = AppAuthFactory(factory).deploy(settings, salt, kms);
        console.log("app", app);
        status(IAppAuth(app), Kinds.COMPOSE_HASH, composeHash);
    }

    function propose(IAppAuth app, bytes32 composeHash) external {
        vm.broadcast();
        app.proposeComposeHash(composeHash);
        status(app, Kinds.COMPOSE_HASH, composeHash);
    }

    function propose(IAppAuth app, bytes32 composeHash, bytes32 sourceDigest, string calldata uri)
        external
    {
        vm.broadcast();
        app.proposeComposeHash(composeHash, sourceDigest, uri);
        status(app, Kinds.COMPOSE_HASH, composeHash);
    }

    function propose(IAppAuth app, uint8 kind, bytes32 value) external {
        vm.broadcast();
        app.propose(kind, value);
        status(app, kind, value);
    }

    function activate(IAppAuth app, bytes32 composeHash) external {
        activate(app, Kinds.COMPOSE_HASH, composeHash);
    }

    function activate(IAppAuth app, uint8 kind, bytes32 value) public {
        vm.broadcast();
        app.activate(kind, value);
        status(app, kind, value);
    }

    function cancel(IAppAuth app, bytes32 composeHash) external {
        cancel(app, Kinds.COMPOSE_HASH, composeHash);
    }

    function cancel(IAppAuth app, uint8 kind, bytes32 value) public {
        vm.broadcast();
        app.cancel(kind, value);
        status(app, kind, value);
    }

    function remove(IAppAuth app, bytes32 composeHash) external {
        remove(app, Kinds.COMPOSE_HASH, composeHash);
    }

    function remove(IAppAuth app, uint8 kind, bytes32 value) public {
        vm.broadcast();
        app.remove(kind, value);
        status(app, kind, value);
    }

    /// @notice Where a value stands. Sends nothing.
    function status(IAppAuth app, uint8 kind, bytes32 value) public view {
        uint256 earliest = app.earliest(kind, value);
        uint256 ripe = app.ripeAt(kind, value);
        console.log("setting", kind, "value", vm.toString(value));
        console.log("  now", block.timestamp, "pending proposals", app.pendingCount());
        if (earliest == 0) {
            console.log("  in force");
            return;
        }
        if (ripe == 0) console.log("  not in force, not pending");
        else console.log("  announced for", ripe);
        if (earliest == type(uint256).max) console.log("  can never be in force as things are");
        else console.log("  in force at the earliest", earliest);
    }
}
