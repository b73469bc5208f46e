// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {DeletionRegistry} from "../../DeletionRegistry.sol";
import {IDeletionRegistry} from "../../interfaces/IDeletionRegistry.sol";
import {ISimpleDstackVerifier} from "../../interfaces/ISimpleDstackVerifier.sol";
import {RegistryFixture} from "../helpers/RegistryFixture.sol";

/// @notice Ways to make the registry say what no app said, each named for what it would have cost.
contract DeletionRegistryAttacksTest is RegistryFixture {
    uint256 internal constant THIEF = uint256(keccak256("thief"));

    /// One deletion counted twice: again, in its mirror, in a batch, and in another registry.
    function test_attack_oneDeletionCountedTwice() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        registry.attest(deletion, signature);

        vm.expectRevert();
        registry.attest(deletion, signature);
        bytes memory mirror = mirrored(signature);
        vm.expectRevert();
        registry.attest(deletion, mirror);
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 1, 1);
        batch.userIdHashes[0] = deletion.userIdHash;
        batch.dataHashes[0] = deletion.dataHash;
        vm.expectRevert();
        registry.attestBatch(batch, signature);
        bytes memory batchSignature = sign(batch);
        vm.expectRevert();
        registry.attestBatch(batch, batchSignature);

        DeletionRegistry other = new DeletionRegistry(verifier);
        ISimpleDstackVerifier.Chain memory chain = chainFor(address(app));
        other.registerSigner(
            address(app), chain.appKey, chain.derivedKey, chain.appSignature, chain.kmsSignature
        );
        vm.expectRevert();
        other.attest(deletion, signature);
    }

    /// One app's key speaking for another app.
    function test_attack_keyOfOneAppSpeaksForAnother() public {
        // The thief's own app has a genuine chain of the same KMS.
        ISimpleDstackVerifier.Chain memory own =
            makeChain(ROOT_SECRET, THIEF, THIEF, bytes20(address(stock)), "devproof-deletion-v1");
        register(address(stock), own);
        vm.expectRevert();
        register(address(app), own);

        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(THIEF, registry.hashDeletion(deletion));
        vm.expectRevert();
        registry.attest(deletion, signature);
    }

    /// The victim's public chain with the thief's key in place of the derived one.
    function test_attack_thiefRegistersHisOwnKey() public {
        ISimpleDstackVerifier.Chain memory chain = chainFor(address(app));
        chain.derivedKey = publicKey(THIEF);
        chain.appSignature = kmsStyle(THIEF, appDigest("devproof-deletion-v1", chain.derivedKey));
        vm.expectRevert();
        register(address(app), chain);
    }

    /// A revoked key brought back with the chain that is public since its registration.
    function test_attack_revokedKeyComesBack() public {
        ISimpleDstackVerifier.Chain memory chain = chainFor(address(app));
        vm.prank(OWNER);
        registry.revokeSigner(address(app), signer);
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.SignerIsRevoked.selector, address(app), signer)
        );
        register(address(app), chain);
    }

    /// A key that outlived its version claims deletions for the time before the version came, or
    /// years back.
    function test_attack_backdatedDeletion() public {
        app.allow(HASH, START - 1 hours, type(uint256).max);
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        deletion.deletedAt = uint64(START - 2 hours);
        bytes memory signature = sign(deletion);
        vm.expectPartialRevert(IDeletionRegistry.ComposeHashNotAllowed.selector);
        registry.attest(deletion, signature);
        deletion.deletedAt = uint64(START - 365 days);
        signature = sign(deletion);
        vm.expectPartialRevert(IDeletionRegistry.DeletedTooLongAgo.selector);
        registry.attest(deletion, signature);
    }
}
