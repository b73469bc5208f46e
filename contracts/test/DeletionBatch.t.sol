// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDeletionRegistry} from "../interfaces/IDeletionRegistry.sol";
import {RegistryFixture} from "./helpers/RegistryFixture.sol";

contract DeletionBatchTest is RegistryFixture {
    function test_WhenTheBatchIsGood(uint256 nonce, uint8 count) public {
        count = uint8(bound(count, 1, 40));
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(stock), nonce, count);
        bytes memory signature = sign(batch);
        bytes32 id = registry.hashBatch(batch);
        bytes32 root = extended(registry.historyRoot(address(stock)), 4, id, signer);

        vm.expectEmit(address(registry));
        emit IDeletionRegistry.DeletionBatchAttested(
            id, address(stock), HASH, count, batch.deletedAt, bytes32(nonce), signer
        );
        for (uint256 i = 0; i < count; ++i) {
            vm.expectEmit(address(registry));
            emit IDeletionRegistry.DeletionBatchEntry(batch.userIdHashes[i], batch.dataHashes[i]);
        }
        vm.expectEmit(address(registry));
        emit IDeletionRegistry.HistoryExtended(address(stock), root, 4, id, signer);
        vm.recordLogs();
        vm.prank(STRANGER);
        assertEq(registry.attestBatch(batch, signature), id);

        assertEq(vm.getRecordedLogs().length, uint256(count) + 2);
        assertEq(registry.historyRoot(address(stock)), root);
        assertTrue(registry.isNonceUsed(address(stock), bytes32(nonce)));
    }

    /// One nonce is good for one deletion or one batch, whatever else is in it.
    function test_RevertGiven_ABatchUsedTheNonce(uint256 nonce) public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), nonce, 3);
        bytes memory signature = sign(batch);
        registry.attestBatch(batch, signature);
        bytes memory used = abi.encodeWithSelector(
            IDeletionRegistry.NonceAlreadyUsed.selector, address(app), bytes32(nonce)
        );
        vm.expectRevert(used);
        registry.attestBatch(batch, signature);

        batch.userIdHashes[0] = "another";
        signature = sign(batch);
        vm.expectRevert(used);
        registry.attestBatch(batch, signature);

        signature = sign(deletionOf(address(app), nonce));
        vm.expectRevert(used);
        registry.attest(deletionOf(address(app), nonce), signature);
    }

    function test_RevertGiven_ADeletionUsedTheNonce() public {
        registry.attest(deletionOf(address(app), 1), sign(deletionOf(address(app), 1)));
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 1, 3);
        bytes memory signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.NonceAlreadyUsed.selector);
        registry.attestBatch(batch, signature);
    }

    function test_RevertWhen_AFieldIsNotTheSignedOne(uint8 field, bytes32 value) public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 1, 3);
        bytes memory signature = sign(batch);
        bytes32 id = registry.hashBatch(batch);
        field = field % 7;
        if (field == 0) batch.app = address(stock);
        if (field == 1) batch.composeHash = value;
        if (field == 2) batch.userIdHashes[uint256(value) % 3] = value;
        if (field == 3) batch.dataHashes[uint256(value) % 3] = value;
        if (field == 4) batch.deletedAt -= uint64(bound(uint256(value), 1, 1 days));
        if (field == 5) batch.nonce = value;
        // Commitments to users and to data do not change places.
        if (field == 6) {
            (batch.userIdHashes, batch.dataHashes) = (batch.dataHashes, batch.userIdHashes);
        }
        vm.assume(registry.hashBatch(batch) != id);
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attestBatch(batch, signature);
    }

    function test_RevertWhen_ItIsEmpty() public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 1, 0);
        bytes memory signature = sign(batch);
        vm.expectRevert(IDeletionRegistry.NoDeletions.selector);
        registry.attestBatch(batch, signature);
    }

    function test_RevertWhen_TheListsDifferInLength() public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 1, 3);
        batch.dataHashes = new bytes32[](2);
        bytes memory signature = sign(batch);
        vm.expectRevert(abi.encodeWithSelector(IDeletionRegistry.UnequalLengths.selector, 3, 2));
        registry.attestBatch(batch, signature);
        batch.userIdHashes = new bytes32[](0);
        signature = sign(batch);
        vm.expectRevert(abi.encodeWithSelector(IDeletionRegistry.UnequalLengths.selector, 0, 2));
        registry.attestBatch(batch, signature);
    }

    function test_RevertWhen_ItWasDeletedOutOfTime() public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 0, 3);
        batch.deletedAt = uint64(START + 1);
        bytes memory signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.DeletedInFuture.selector);
        registry.attestBatch(batch, signature);

        batch.deletedAt = uint64(START - 7 days - 1);
        signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.DeletedTooLongAgo.selector);
        registry.attestBatch(batch, signature);
    }

    function test_RevertGiven_TheComposeHashWasNotAllowedThen() public {
        app.allow(HASH, START - 10, START);
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 0, 3);
        for (uint256 i = 0; i < 2; ++i) {
            batch.deletedAt = i == 0 ? uint64(START - 11) : uint64(START);
            bytes memory signature = sign(batch);
            vm.expectRevert(
                abi.encodeWithSelector(
                    IDeletionRegistry.ComposeHashNotAllowed.selector,
                    address(app),
                    HASH,
                    batch.deletedAt
                )
            );
            registry.attestBatch(batch, signature);
        }
    }

    function test_RevertWhen_TheSignerIsNotRegistered() public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 0, 3);
        bytes memory signature = sign(APP_SECRET, registry.hashBatch(batch));
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attestBatch(batch, signature);
    }

    /// Kinds of statement do not stand in for each other: a batch of one is not a deletion.
    function test_RevertWhen_OneKindIsBroughtAsAnother() public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 0, 1);
        bytes memory signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attest(deletionOf(address(app), 0), signature);
        signature = sign(deletionOf(address(app), 0));
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attestBatch(batch, signature);
    }
}
