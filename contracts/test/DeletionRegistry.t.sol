// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDeletionRegistry} from "../interfaces/IDeletionRegistry.sol";
import {RegistryFixture} from "./helpers/RegistryFixture.sol";
import {Vm} from "forge-std/Vm.sol";

contract DeletionRegistryTest is RegistryFixture {
    /*//////////////////////////////////////////////////////////////////////////
                                      BATCH
    //////////////////////////////////////////////////////////////////////////*/

    function testFuzz_batch(uint256 firstNonce, uint8 count) public {
        count = uint8(bound(count, 1, 40));
        firstNonce = bound(firstNonce, 0, type(uint256).max - count);
        IDeletionRegistry.Deletion[] memory batch = batchOf(address(stock), firstNonce, count);
        bytes memory signature = sign(batch);
        bytes32 id = registry.hashBatch(batch);
        bytes32 root = extended(registry.historyRoot(address(stock)), 4, id, signer);

        vm.recordLogs();
        assertEq(registry.attestBatch(batch, signature), id);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, uint256(count) + 1);
        for (uint256 i = 0; i < count; ++i) {
            assertEq(logs[i].topics[0], IDeletionRegistry.DeletionAttested.selector);
            assertEq(logs[i].topics[1], registry.hashDeletion(batch[i]));
            assertTrue(registry.isNonceUsed(address(stock), batch[i].nonce));
        }
        assertEq(registry.historyRoot(address(stock)), root);

        vm.expectPartialRevert(IDeletionRegistry.NonceAlreadyUsed.selector);
        registry.attestBatch(batch, signature);
        // Nor does an entry pass alone, though signed again.
        signature = sign(batch[count - 1]);
        vm.expectPartialRevert(IDeletionRegistry.NonceAlreadyUsed.selector);
        registry.attest(batch[count - 1], signature);
    }

    /// Nonces that jump between words and back are all kept.
    function testFuzz_batchOfScatteredNonces(uint256[6] memory nonces) public {
        IDeletionRegistry.Deletion[] memory batch = batchOf(address(app), 0, 7);
        for (uint256 i = 0; i < 6; ++i) {
            nonces[i] = bound(nonces[i], 0, 1000);
            batch[i].nonce = bytes32(nonces[i]);
            for (uint256 j = 0; j < i; ++j) {
                vm.assume(nonces[i] != nonces[j]);
            }
        }
        batch[6].nonce = bytes32(uint256(5000));
        registry.attestBatch(batch, sign(batch));
        for (uint256 i = 0; i < 7; ++i) {
            assertTrue(registry.isNonceUsed(address(app), batch[i].nonce));
        }
    }

    function testFuzz_RevertWhen_batchRepeatsANonce(uint8 i, uint8 j) public {
        (i, j) = (i % 5, j % 5);
        vm.assume(i != j);
        IDeletionRegistry.Deletion[] memory batch = batchOf(address(app), 250, 10);
        batch[i].nonce = batch[j + 5].nonce;
        bytes memory signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.NonceAlreadyUsed.selector);
        registry.attestBatch(batch, signature);
    }

    function test_RevertWhen_batchIsEmpty() public {
        IDeletionRegistry.Deletion[] memory batch;
        bytes memory signature = sign(batch);
        vm.expectRevert(IDeletionRegistry.NoDeletions.selector);
        registry.attestBatch(batch, signature);
    }

    function test_RevertWhen_batchIsMixed() public {
        IDeletionRegistry.Deletion[] memory batch = batchOf(address(app), 0, 3);
        batch[1].app = address(stock);
        bytes memory signature = sign(batch);
        vm.expectRevert(abi.encodeWithSelector(IDeletionRegistry.MixedBatch.selector, 1));
        registry.attestBatch(batch, signature);

        batch = batchOf(address(app), 0, 3);
        batch[2].composeHash = "other";
        signature = sign(batch);
        vm.expectRevert(abi.encodeWithSelector(IDeletionRegistry.MixedBatch.selector, 2));
        registry.attestBatch(batch, signature);
    }

    function test_RevertWhen_oneTimeOfTheBatchIsOut() public {
        IDeletionRegistry.Deletion[] memory batch = batchOf(address(app), 0, 3);
        batch[1].deletedAt = uint64(START + 1);
        bytes memory signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.DeletedInFuture.selector);
        registry.attestBatch(batch, signature);

        batch[1].deletedAt = uint64(START - 7 days - 1);
        signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.DeletedTooLongAgo.selector);
        registry.attestBatch(batch, signature);

        app.allow(HASH, START - 10, START + 1);
        batch[1].deletedAt = uint64(START - 11);
        signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.ComposeHashNotAllowed.selector);
        registry.attestBatch(batch, signature);

        app.allow(HASH, START - 10, START);
        batch[1].deletedAt = uint64(START - 1);
        signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.ComposeHashNotAllowed.selector);
        registry.attestBatch(batch, signature);
    }

    function test_RevertWhen_batchSignerIsNotRegistered() public {
        IDeletionRegistry.Deletion[] memory batch = batchOf(address(app), 0, 3);
        bytes memory signature = sign(APP_SECRET, registry.hashBatch(batch));
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attestBatch(batch, signature);
    }

    /// Kinds of statement do not stand in for each other: a batch of one is not a deletion.
    function test_RevertWhen_oneKindIsBroughtAsAnother() public {
        IDeletionRegistry.Deletion[] memory batch = batchOf(address(app), 0, 1);
        bytes memory signature = sign(batch);
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attest(batch[0], signature);
        signature = sign(batch[0]);
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

        IDeletionRegistry.Deletion[] memory batch = batchOf(address(app), 1, 2);
        json = typedData(
            "DeletionBatch",
            string.concat(
                '{"deletions":[', deletionJson(batch[0]), ",", deletionJson(batch[1]), "]}"
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
            '"DeletionBatch":[{"name":"deletions","type":"Deletion[]"}],"DeletionRoot":[',
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

    /// The registry moves words of a deletion as they are, so it must refuse what is no address and
    /// no uint64: a second spelling of the same deletion would have another id.
    function test_RevertWhen_wordsAreDirty() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory call = abi.encodeCall(registry.attest, (deletion, sign(deletion)));
        refuseDirty(call, 4 + 0x00);
        refuseDirty(call, 4 + 0x80);
        IDeletionRegistry.Deletion[] memory batch = batchOf(address(app), 0, 2);
        call = abi.encodeCall(registry.attestBatch, (batch, sign(batch)));
        // Behind the two offsets and the length.
        refuseDirty(call, 4 + 0x60 + 0xc0 + 0x00);
        refuseDirty(call, 4 + 0x60 + 0xc0 + 0x80);
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
                IDeletionRegistry.Deletion[] memory batch =
                    batchOf(address(app), nonce, 1 + seed % 5);
                registry.attestBatch(batch, sign(batch));
                nonce += 5;
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
        bytes memory ids;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IDeletionRegistry.DeletionAttested.selector) {
                ids = bytes.concat(ids, logs[i].topics[1]);
            }
            if (logs[i].topics[0] != IDeletionRegistry.HistoryExtended.selector) continue;
            (uint8 kind, bytes32 value, address actor) =
                abi.decode(logs[i].data, (uint8, bytes32, address));
            history.root = extended(history.root, kind, value, actor);
            history.facts += 1;
            assertEq(history.root, logs[i].topics[2]);
            bytes32 fact = logs[0].topics[1];
            if (kind == 2) fact = logs[0].topics[2];
            if (kind == 4) {
                fact = keccak256(
                    abi.encode(
                        keccak256(
                            "DeletionBatch(Deletion[] deletions)Deletion(address app,bytes32 composeHash,bytes32 userIdHash,bytes32 dataHash,uint64 deletedAt,bytes32 nonce)"
                        ),
                        keccak256(ids)
                    )
                );
            }
            assertEq(value, fact);
        }
    }

    /*//////////////////////////////////////////////////////////////////////////
                                        GAS
    //////////////////////////////////////////////////////////////////////////*/

    /// Without intrinsic gas and calldata; storage cold, histories begun, nonce words begun.
    function test_gas() public {
        registry.attest(deletionOf(address(app), 0), sign(deletionOf(address(app), 0)));
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        cool();
        registry.attest(deletion, signature);
        emit log_named_uint("attest", vm.lastCallGas().gasTotalUsed);

        IDeletionRegistry.Deletion[] memory batch = batchOf(address(app), 1000, 100);
        signature = sign(batch);
        cool();
        registry.attestBatch(batch, signature);
        emit log_named_uint("attestBatch of 100, each", vm.lastCallGas().gasTotalUsed / 100);

        IDeletionRegistry.DeletionRoot memory statement = rootOf(address(app), "root", 10_000);
        signature = sign(statement);
        cool();
        registry.attestRoot(statement, signature);
        emit log_named_uint("attestRoot", vm.lastCallGas().gasTotalUsed);
        assertLe(vm.lastCallGas().gasTotalUsed, 70_000);
    }

    function cool() private {
        vm.cool(address(registry));
        vm.cool(address(app));
    }
}
