// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuthFactory} from "../contracts/AppAuthFactory.sol";
import {DeletionRegistry} from "../contracts/DeletionRegistry.sol";
import {SimpleDstackVerifier} from "../contracts/SimpleDstackVerifier.sol";
import {Script, console} from "forge-std/Script.sol";

/// @title Deploys what all apps of a chain share: the factory, a verifier, a deletion registry
/// @notice Goes through the deterministic deployer, so that the same code has the same address on every
/// chain, whoever pays for it. What is there already is left alone, so the script may be run again. A
/// chain without the deployer gets plain deployments, whose addresses say nothing.
///
///     DEVPROOF_KMS_ROOT=0x.. forge script script/Deploy.s.sol --rpc-url .. --broadcast
///
/// DEVPROOF_KMS_ROOT is the address of the KMS's root key. Without it only the factory is deployed: the
/// verifier, and the registry behind it, are of one KMS. DEVPROOF_SALT (32 bytes) defaults to zero.
contract Deploy is Script {
    /// @notice The deployer that most chains have: calldata is the salt, then the init code.
    address public constant DETERMINISTIC_DEPLOYER = 0x4e59b44847b379578588920cA78FbF26c0B4956C;

    error DeploymentFailed(address expected);

    function run() external returns (address factory, address verifier, address registry) {
        bytes32 salt = vm.envOr("DEVPROOF_SALT", bytes32(0));
        address kmsRoot = vm.envOr("DEVPROOF_KMS_ROOT", address(0));
        return deploy(salt, kmsRoot);
    }

    function deploy(bytes32 salt, address kmsRoot)
        public
        returns (address factory, address verifier, address registry)
    {
        if (DETERMINISTIC_DEPLOYER.code.length == 0) {
            console.log("no deterministic deployer here: addresses depend on the sender");
        }
        vm.startBroadcast();
        factory = place("AppAuthFactory", salt, type(AppAuthFactory).creationCode);
        if (kmsRoot != address(0)) {
            verifier = place(
                "SimpleDstackVerifier",
                salt,
                bytes.concat(type(SimpleDstackVerifier).creationCode, abi.encode(kmsRoot))
            );
            registry = place(
                "DeletionRegistry",
                salt,
                bytes.concat(type(DeletionRegistry).creationCode, abi.encode(verifier))
            );
        } else {
            console.log("no DEVPROOF_KMS_ROOT: neither verifier nor registry");
        }
        vm.stopBroadcast();
    }

    /// @notice The address that init code gets from the deterministic deployer.
    function predict(bytes32 salt, bytes memory initCode) public pure returns (address) {
        return vm.computeCreate2Address(salt, keccak256(initCode), DETERMINISTIC_DEPLOYER);
    }

    function place(string memory name, bytes32 salt, bytes memory initCode)
        private
        returns (address made)
    {
        if (DETERMINISTIC_DEPLOYER.code.length == 0) {
            assembly ("memory-safe") {
                made := create(0, add(initCode, 32), mload(initCode))
            }
            if (made == address(0)) revert DeploymentFailed(address(0));
            console.log(name, made, "(plain)");
            return made;
        }
        made = predict(salt, initCode);
        if (made.code.length != 0) {
            console.log(name, made, "(was there)");
            return made;
        }
        (bool done,) = DETERMINISTIC_DEPLOYER.call(bytes.concat(salt, initCode));
        if (!done || made.code.length == 0) revert DeploymentFailed(made);
        console.log(name, made);
    }
}
