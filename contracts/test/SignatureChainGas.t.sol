// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {DeletionRegistry} from "../DeletionRegistry.sol";
import {SimpleDstackVerifier} from "../SimpleDstackVerifier.sol";
import {ISimpleDstackVerifier} from "../interfaces/ISimpleDstackVerifier.sol";
import {SignatureChainFixture} from "./helpers/SignatureChainFixture.sol";

/// @notice What a signature costs to check, in snapshots/: whole chains of three, with keys as points
/// and in 33 bytes, and a signer that the registry knows. Views: the cost of the call itself.
/// forge-config: default.isolate = true
contract SignatureChainGasTest is SignatureChainFixture {
    SimpleDstackVerifier internal verifier = new SimpleDstackVerifier(vm.addr(ROOT_SECRET));

    function test_gas_chains() public {
        ISimpleDstackVerifier.PointChain memory points = goodPoints();
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        bytes memory signature = ethereumStyle(DERIVED_SECRET, "digest");

        verifier.verifyMessage(points, "digest", signature);
        vm.snapshotGasLastCall("SimpleDstackVerifier", "verifyMessage, points");
        verifier.verifyPoints(points);
        vm.snapshotGasLastCall("SimpleDstackVerifier", "verifyPoints");
        verifier.verify(chain);
        vm.snapshotGasLastCall("SimpleDstackVerifier", "verify, 33 bytes");
    }

    function test_gas_knownSigner() public {
        DeletionRegistry registry = new DeletionRegistry(verifier);
        ISimpleDstackVerifier.Chain memory chain = makeChain(
            ROOT_SECRET, APP_SECRET, DERIVED_SECRET, bytes20(APP), "devproof-deletion-v1"
        );
        registry.registerSigner(
            APP, chain.appKey, chain.derivedKey, chain.appSignature, chain.kmsSignature
        );
        vm.snapshotGasLastCall("DeletionRegistry", "registerSigner");
        bytes memory signature = ethereumStyle(DERIVED_SECRET, "digest");
        registry.signerOf(APP, "digest", signature);
        vm.snapshotGasLastCall("DeletionRegistry", "signerOf");
    }
}
