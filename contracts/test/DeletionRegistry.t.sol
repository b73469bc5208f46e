// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDeletionRegistry} from "../interfaces/IDeletionRegistry.sol";
import {DstackSignatureChain} from "../libraries/DstackSignatureChain.sol";
import {OddApp} from "./helpers/PolicyApps.sol";
import {RegistryFixture} from "./helpers/RegistryFixture.sol";
import {Vm} from "forge-std/Vm.sol";

contract DeletionRegistryTest is RegistryFixture {
    /*//////////////////////////////////////////////////////////////////////////
                                   ONE DELETION
    //////////////////////////////////////////////////////////////////////////*/

    function test_attestsForBothKindsOfApp() public {
        attestsFor(address(app));
        attestsFor(address(stock));
    }

    function attestsFor(address app_) private {
        IDeletionRegistry.Deletion memory deletion = deletionOf(app_, 7);
        bytes memory signature = sign(deletion);
        bytes32 id = registry.hashDeletion(deletion);
        bytes32 root = extended(registry.historyRoot(app_), 3, id, signer);
        assertFalse(registry.isNonceUsed(app_, bytes32(uint256(7))));

        vm.expectEmit(address(registry));
        emit IDeletionRegistry.DeletionAttested(
            id,
            app_,
            deletion.userIdHash,
            HASH,
            deletion.dataHash,
            deletion.deletedAt,
            bytes32(uint256(7)),
            signer
        );
        vm.expectEmit(address(registry));
        emit IDeletionRegistry.HistoryExtended(app_, root, 3, id, signer);
        vm.prank(STRANGER);
        assertEq(registry.attest(deletion, signature), id);

        assertEq(registry.historyRoot(app_), root);
        assertTrue(registry.isNonceUsed(app_, bytes32(uint256(7))));
        assertFalse(registry.isNonceUsed(app_, bytes32(uint256(6))));
        assertFalse(registry.isNonceUsed(app_, bytes32(uint256(8))));
    }

    function testFuzz_RevertWhen_replayed(uint256 nonce) public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), nonce);
        bytes memory signature = sign(deletion);
        registry.attest(deletion, signature);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDeletionRegistry.NonceAlreadyUsed.selector, address(app), bytes32(nonce)
            )
        );
        registry.attest(deletion, signature);
    }

    /// A nonce belongs to its app: another app may use the same one.
    function test_noncesAreOfOneApp() public {
        registry.attest(deletionOf(address(app), 1), sign(deletionOf(address(app), 1)));
        registry.attest(deletionOf(address(stock), 1), sign(deletionOf(address(stock), 1)));
    }

    function testFuzz_noncesDoNotCollide(uint256 first, uint256 second) public {
        vm.assume(first != second);
        registry.attest(deletionOf(address(app), first), sign(deletionOf(address(app), first)));
        registry.attest(deletionOf(address(app), second), sign(deletionOf(address(app), second)));
    }

    function testFuzz_RevertWhen_anyFieldIsChanged(uint8 field, bytes32 value) public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        bytes32 id = registry.hashDeletion(deletion);
        field = field % 5;
        if (field == 0) deletion.app = address(stock);
        if (field == 1) deletion.userIdHash = value;
        if (field == 2) deletion.dataHash = value;
        if (field == 3) deletion.deletedAt -= uint64(bound(uint256(value), 1, 1 days));
        if (field == 4) deletion.nonce = value;
        vm.assume(registry.hashDeletion(deletion) != id);
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attest(deletion, signature);
    }

    function test_RevertWhen_signerIsNotRegistered() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(APP_SECRET, registry.hashDeletion(deletion));
        vm.expectRevert(
            abi.encodeWithSelector(
                IDeletionRegistry.SignerNotRegistered.selector, address(app), vm.addr(APP_SECRET)
            )
        );
        registry.attest(deletion, signature);
    }

    function test_RevertWhen_signerIsRevoked() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        vm.prank(GUARDIAN);
        registry.revokeSigner(address(app), signer);
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.SignerIsRevoked.selector, address(app), signer)
        );
        registry.attest(deletion, signature);
    }

    function test_RevertWhen_signatureHasAnotherForm() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        bytes memory other = mirrored(signature);
        vm.expectPartialRevert(DstackSignatureChain.SignatureHighS.selector);
        registry.attest(deletion, other);
        other = withLast(signature, uint8(signature[64]) - 27);
        vm.expectPartialRevert(DstackSignatureChain.SignatureRecoveryId.selector);
        registry.attest(deletion, other);
        other = slice(signature, 0, 64);
        vm.expectPartialRevert(DstackSignatureChain.SignatureLength.selector);
        registry.attest(deletion, other);
        other = abi.encodePacked(bytes32(0), bytes32(0), uint8(27));
        vm.expectPartialRevert(DstackSignatureChain.SignatureUnrecoverable.selector);
        registry.attest(deletion, other);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                       TIME
    //////////////////////////////////////////////////////////////////////////*/

    function test_RevertWhen_deletedInTheFuture() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        deletion.deletedAt = uint64(START + 1);
        bytes memory signature = sign(deletion);
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.DeletedInFuture.selector, START + 1, START)
        );
        registry.attest(deletion, signature);
        vm.warp(START + 1);
        registry.attest(deletion, signature);
    }

    function test_RevertWhen_deletedTooLongAgo() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        vm.warp(START + 7 days + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.DeletedTooLongAgo.selector, START, START + 1)
        );
        registry.attest(deletion, signature);
        vm.warp(START + 7 days);
        registry.attest(deletion, signature);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   COMPOSE HASH
    //////////////////////////////////////////////////////////////////////////*/

    function test_RevertWhen_hashWasNotAllowedThen() public {
        app.allow(HASH, START, type(uint256).max);
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        deletion.deletedAt = uint64(START - 1);
        refuseHash(deletion);
    }

    /// Removed meanwhile, but allowed at the time: that is what counts for an AppAuth.
    function test_acceptsAHashRemovedSince() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        vm.warp(START + 1 days);
        app.allow(HASH, START - 1 days, START + 1);
        registry.attest(deletion, signature);
    }

    function test_RevertWhen_stockAppDoesNotAllowTheHashNow() public {
        vm.prank(OWNER);
        stock.removeComposeHash(HASH);
        refuseHash(deletionOf(address(stock), 1));
    }

    /// Only a missing function leads to the weaker question; any other answer is final.
    function test_RevertWhen_appAnswersOddly() public {
        odd(OddApp.Way.RevertsWithReason);
        odd(OddApp.Way.AnswersTwo);
        odd(OddApp.Way.AnswersTwoWords);
        odd(OddApp.Way.AnswersNothing);
        address silent = address(new OddApp(OddApp.Way.RevertsWithoutData));
        register(silent);
        registry.attest(deletionOf(silent, 1), sign(deletionOf(silent, 1)));
    }

    function odd(OddApp.Way way) private {
        address app_ = address(new OddApp(way));
        register(app_);
        refuseHash(deletionOf(app_, 1));
    }

    function test_RevertWhen_appHasNoCode() public {
        register(STRANGER);
        refuseHash(deletionOf(STRANGER, 1));
    }

    /// Starving the strong question does not lead to the weak one. The hash is allowed now and was
    /// not at the time.
    function test_RevertWhen_gasIsShort() public {
        app.allow(HASH, START, type(uint256).max);
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        deletion.deletedAt = uint64(START - 1);
        bytes memory call = abi.encodeCall(registry.attest, (deletion, sign(deletion)));
        bool starved;
        for (uint256 gas = 5000; gas < 300_000; gas += 500) {
            (bool done, bytes memory reason) = address(registry).call{gas: gas}(call);
            assertFalse(done);
            starved = starved || bytes4(reason) == IDeletionRegistry.NotEnoughGas.selector;
        }
        assertTrue(starved);
    }

    function refuseHash(IDeletionRegistry.Deletion memory deletion) private {
        bytes memory signature = sign(deletion);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDeletionRegistry.ComposeHashNotAllowed.selector,
                deletion.app,
                deletion.composeHash,
                deletion.deletedAt
            )
        );
        registry.attest(deletion, signature);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      BATCH
    //////////////////////////////////////////////////////////////////////////*/

    function testFuzz_batch(uint256 nonce, uint8 count) public {
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
    function testFuzz_RevertWhen_nonceOfABatchIsUsed(uint256 nonce) public {
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

    function test_RevertWhen_nonceOfABatchWasUsedByADeletion() public {
        registry.attest(deletionOf(address(app), 1), sign(deletionOf(address(app), 1)));
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 1, 3);
        bytes memory signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.NonceAlreadyUsed.selector);
        registry.attestBatch(batch, signature);
    }

    function testFuzz_RevertWhen_anyFieldOfABatchIsChanged(uint8 field, bytes32 value) public {
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

    function test_RevertWhen_batchIsEmpty() public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 1, 0);
        bytes memory signature = sign(batch);
        vm.expectRevert(IDeletionRegistry.NoDeletions.selector);
        registry.attestBatch(batch, signature);
    }

    function test_RevertWhen_listsOfABatchDifferInLength() public {
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

    function test_RevertWhen_timeOfTheBatchIsOut() public {
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

    function test_RevertWhen_hashOfTheBatchWasNotAllowedThen() public {
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

    function test_RevertWhen_batchSignerIsNotRegistered() public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 0, 3);
        bytes memory signature = sign(APP_SECRET, registry.hashBatch(batch));
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attestBatch(batch, signature);
    }

    /// Kinds of statement do not stand in for each other: a batch of one is not a deletion.
    function test_RevertWhen_oneKindIsBroughtAsAnother() public {
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 0, 1);
        bytes memory signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attest(deletionOf(address(app), 0), signature);
        signature = sign(deletionOf(address(app), 0));
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attestBatch(batch, signature);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     HASHES
    //////////////////////////////////////////////////////////////////////////*/

    /// The typed data as a wallet sees it, hashed by code that is not ours.
    function test_hashesAreEip712() public view {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 9);
        string memory json = typedData("Deletion", deletionJson(deletion));
        assertEq(registry.digestOf(registry.hashDeletion(deletion)), vm.eip712HashTypedData(json));

        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 1, 2);
        json = typedData(
            "DeletionBatch",
            string.concat(
                '{"app":"',
                vm.toString(batch.app),
                '","composeHash":"',
                vm.toString(HASH),
                '","userIdHashes":',
                pairJson(batch.userIdHashes),
                ',"dataHashes":',
                pairJson(batch.dataHashes),
                ',"deletedAt":',
                vm.toString(batch.deletedAt),
                ',"nonce":"',
                vm.toString(batch.nonce),
                '"}'
            )
        );
        assertEq(registry.digestOf(registry.hashBatch(batch)), vm.eip712HashTypedData(json));

        IDeletionRegistry.DeletionRoot memory statement = rootOf(address(app), "root", 3);
        json = typedData(
            "DeletionRoot",
            string.concat(
                '{"app":"',
                vm.toString(statement.app),
                '","composeHash":"',
                vm.toString(HASH),
                '","root":"',
                vm.toString(statement.root),
                '","count":3,"deletedAt":',
                vm.toString(statement.deletedAt),
                ',"nonce":"',
                vm.toString(statement.nonce),
                '"}'
            )
        );
        assertEq(registry.digestOf(registry.hashRoot(statement)), vm.eip712HashTypedData(json));
    }

    function pairJson(bytes32[] memory pair) private pure returns (string memory) {
        return string.concat('["', vm.toString(pair[0]), '","', vm.toString(pair[1]), '"]');
    }

    function deletionJson(IDeletionRegistry.Deletion memory deletion)
        private
        pure
        returns (string memory)
    {
        return string.concat(
            '{"app":"',
            vm.toString(deletion.app),
            '","composeHash":"',
            vm.toString(deletion.composeHash),
            '","userIdHash":"',
            vm.toString(deletion.userIdHash),
            '","dataHash":"',
            vm.toString(deletion.dataHash),
            '","deletedAt":',
            vm.toString(deletion.deletedAt),
            ',"nonce":"',
            vm.toString(deletion.nonce),
            '"}'
        );
    }

    function typedData(string memory primary, string memory message)
        private
        view
        returns (string memory)
    {
        string memory common =
            '{"name":"app","type":"address"},{"name":"composeHash","type":"bytes32"},';
        string memory types = string.concat(
            '{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},',
            '{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],',
            '"Deletion":[',
            common,
            '{"name":"userIdHash","type":"bytes32"},{"name":"dataHash","type":"bytes32"},',
            '{"name":"deletedAt","type":"uint64"},{"name":"nonce","type":"bytes32"}],',
            '"DeletionBatch":[',
            common,
            '{"name":"userIdHashes","type":"bytes32[]"},{"name":"dataHashes","type":"bytes32[]"},',
            '{"name":"deletedAt","type":"uint64"},{"name":"nonce","type":"bytes32"}],',
            '"DeletionRoot":[',
            common,
            '{"name":"root","type":"bytes32"},{"name":"count","type":"uint64"},',
            '{"name":"deletedAt","type":"uint64"},{"name":"nonce","type":"bytes32"}]}'
        );
        (, string memory name, string memory version, uint256 chainId, address contract_,,) =
            registry.eip712Domain();
        return string.concat(
            '{"types":',
            types,
            ',"primaryType":"',
            primary,
            '","domain":{"name":"',
            name,
            '","version":"',
            version,
            '","chainId":',
            vm.toString(chainId),
            ',"verifyingContract":"',
            vm.toString(contract_),
            '"},"message":',
            message,
            "}"
        );
    }

    /// What is no address and no uint64 is refused: a second spelling of the same deletion would have
    /// another id.
    function test_RevertWhen_wordsAreDirty() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory call = abi.encodeCall(registry.attest, (deletion, sign(deletion)));
        refuseDirty(call, 4 + 0x00);
        refuseDirty(call, 4 + 0x80);
        IDeletionRegistry.DeletionBatch memory batch = batchOf(address(app), 0, 2);
        call = abi.encodeCall(registry.attestBatch, (batch, sign(batch)));
        // Behind the two offsets.
        refuseDirty(call, 4 + 0x40 + 0x00);
        refuseDirty(call, 4 + 0x40 + 0x80);
        call = abi.encodeCall(registry.hashDeletion, (deletion));
        refuseDirty(call, 4 + 0x00);
        refuseDirty(call, 4 + 0x80);
    }

    function refuseDirty(bytes memory call, uint256 place) private {
        bytes memory dirty = copy(call);
        assertEq(dirty[place], bytes1(0));
        dirty[place] = 0x01;
        (bool done, bytes memory reason) = address(registry).call(dirty);
        assertFalse(done);
        assertEq(reason.length, 0);
    }

    /// After a chain split the other chain's signatures do not count, and histories part.
    function test_RevertWhen_signedForAnotherChain() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        bytes32 domain = registry.domainSeparator();
        vm.chainId(block.chainid + 1);
        assertNotEq(registry.domainSeparator(), domain);
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attest(deletion, signature);
        registry.attest(deletion, sign(deletion));
    }

    function test_userCommitmentVector() public view {
        bytes32 salt = 0x0101010101010101010101010101010101010101010101010101010101010101;
        address app_ = 0x00000000000000000000000000000000DeaDBeef;
        assertEq(
            registry.userCommitment(app_, salt, "alice"),
            0xd613492ea827969f863a0aa45917a4b89ddf13e2830fa9933dbb77ec3b364932
        );
    }

    function testFuzz_userCommitmentBindsEverything(
        address app_,
        bytes32 salt,
        string calldata user
    ) public view {
        vm.assume(salt != 0 && uint256(salt) != type(uint256).max);
        bytes32 commitment = registry.userCommitment(app_, salt, user);
        assertNotEq(commitment, registry.userCommitment(address(uint160(app_) ^ 1), salt, user));
        assertNotEq(commitment, registry.userCommitment(app_, bytes32(uint256(salt) + 1), user));
        assertNotEq(commitment, registry.userCommitment(app_, salt, string.concat(user, "x")));
    }

    function test_RevertWhen_saltIsZero() public {
        vm.expectRevert(IDeletionRegistry.ZeroSalt.selector);
        registry.userCommitment(address(app), 0, "alice");
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      HISTORY
    //////////////////////////////////////////////////////////////////////////*/

    function test_historyStartsFromASeedOfItsOwn() public view {
        assertEq(registry.historyRoot(address(1)), seedOf(address(1)));
        assertNotEq(registry.historyRoot(address(1)), registry.historyRoot(address(2)));
    }

    /// What the NatSpec says a reader can do: rebuild the root from logs alone, and every value of
    /// it from the events of the facts.
    function testFuzz_logsRebuildTheHistory(uint256 seed) public {
        DeletionHistory memory history = DeletionHistory(registry.historyRoot(address(app)), 0);
        uint256 nonce = 0;
        for (uint256 step = 0; step < 12; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.roll(block.number + seed % 3);
            vm.warp(block.timestamp + seed % 1000);
            vm.recordLogs();
            if (seed >> 128 & 3 == 0) {
                IDeletionRegistry.DeletionBatch memory batch =
                    batchOf(address(app), nonce, 1 + seed % 5);
                registry.attestBatch(batch, sign(batch));
                nonce += 1;
            } else if (seed >> 128 & 3 == 1) {
                IDeletionRegistry.DeletionRoot memory statement =
                    rootOf(address(app), bytes32(seed), 1);
                registry.attestRoot(statement, sign(statement));
            } else if (seed >> 128 & 3 == 2) {
                vm.prank(OWNER);
                registry.revokeSigner(address(app), address(uint160(seed)));
            } else {
                registry.attest(
                    deletionOf(address(app), nonce), sign(deletionOf(address(app), nonce))
                );
                nonce += 1;
            }
            replay(history, vm.getRecordedLogs());
            assertEq(history.root, registry.historyRoot(address(app)));
        }
        assertEq(history.facts, 12);
    }

    struct DeletionHistory {
        bytes32 root;
        uint256 facts;
    }

    function replay(DeletionHistory memory history, Vm.Log[] memory logs) private view {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IDeletionRegistry.HistoryExtended.selector) continue;
            (uint8 kind, bytes32 value, address actor) =
                abi.decode(logs[i].data, (uint8, bytes32, address));
            history.root = extended(history.root, kind, value, actor);
            history.facts += 1;
            assertEq(history.root, logs[i].topics[2]);
            assertEq(value, factOf(kind, logs));
        }
    }

    /// The value of the history entry, from the events before it.
    function factOf(uint8 kind, Vm.Log[] memory logs) private view returns (bytes32) {
        Vm.Log memory first = logs[0];
        if (kind <= 2) return first.topics[2];
        address app_ = address(uint160(uint256(first.topics[2])));
        if (kind == 3) {
            (bytes32 hash, bytes32 data, uint64 time, bytes32 nonce) =
                abi.decode(first.data, (bytes32, bytes32, uint64, bytes32));
            return registry.hashDeletion(
                IDeletionRegistry.Deletion(app_, hash, first.topics[3], data, time, nonce)
            );
        }
        if (kind == 4) {
            IDeletionRegistry.DeletionBatch memory batch;
            uint256 count;
            (batch.composeHash, count, batch.deletedAt, batch.nonce) =
                abi.decode(first.data, (bytes32, uint256, uint64, bytes32));
            batch.app = app_;
            batch.userIdHashes = new bytes32[](count);
            batch.dataHashes = new bytes32[](count);
            for (uint256 i = 0; i < count; ++i) {
                assertEq(logs[i + 1].topics[0], IDeletionRegistry.DeletionBatchEntry.selector);
                batch.userIdHashes[i] = logs[i + 1].topics[1];
                batch.dataHashes[i] = abi.decode(logs[i + 1].data, (bytes32));
            }
            return registry.hashBatch(batch);
        }
        IDeletionRegistry.DeletionRoot memory statement;
        (statement.composeHash, statement.count, statement.deletedAt, statement.nonce) =
            abi.decode(first.data, (bytes32, uint64, uint64, bytes32));
        (statement.app, statement.root) = (app_, first.topics[3]);
        return registry.hashRoot(statement);
    }
}
