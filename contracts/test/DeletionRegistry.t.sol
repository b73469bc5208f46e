// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDeletionRegistry} from "../interfaces/IDeletionRegistry.sol";
import {RegistryFixture} from "./helpers/RegistryFixture.sol";
import {Vm} from "forge-std/Vm.sol";

contract DeletionRegistryTest is RegistryFixture {
    /*//////////////////////////////////////////////////////////////////////////
                                     HASHES
    //////////////////////////////////////////////////////////////////////////*/

    /// The typed data as a wallet sees it, hashed by code that is not ours.
    function test_DigestOf_ShouldBeWhatAWalletSigns() public view {
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

    /// Signers write these into what they sign, so they are part of the interface.
    function test_Eip712Domain_ShouldKeepItsNameAndVersion() public view {
        (
            bytes1 fields,
            string memory name,
            string memory version,,,
            bytes32 salt,
            uint256[] memory more
        ) = registry.eip712Domain();
        assertEq(fields, bytes1(0x0f));
        assertEq(name, "devproof DeletionRegistry");
        assertEq(version, "1");
        assertEq(salt, 0);
        assertEq(more.length, 0);
    }

    function test_HashLeaf_ShouldBeAsSpecifiedAsHashNodeIs(uint64 index, bytes32 a, bytes32 b)
        public
        view
    {
        assertEq(
            registry.hashLeaf(index, a, b),
            keccak256(abi.encode(keccak256("devproof deletion leaf v1"), index, a, b))
        );
        assertEq(
            registry.hashNode(a, b),
            keccak256(abi.encode(keccak256("devproof deletion node v1"), a, b))
        );
    }

    /// No two nonces share a bit, and tools find it by storage proof.
    function test_IsNonceUsed_ShouldBeABitOfItsOwn(uint256 nonce) public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        deletion.nonce = bytes32(nonce);
        registry.attest(deletion, sign(deletion));
        bytes32 ofApp = keccak256(abi.encode(address(app), 2));
        bytes32 slot = keccak256(abi.encode(nonce / 256, ofApp));
        assertEq(uint256(vm.load(address(registry), slot)), 2 ** (nonce % 256));
    }

    /// What is no address and no uint64 is refused: a second spelling of the same deletion would have
    /// another id.
    function test_HashDeletion_RevertWhen_WordsAreDirty() public {
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
    function test_DomainSeparator_RevertWhen_SignedForAnotherChain() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        bytes32 domain = registry.domainSeparator();
        vm.chainId(block.chainid + 1);
        assertNotEq(registry.domainSeparator(), domain);
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attest(deletion, signature);
        registry.attest(deletion, sign(deletion));
    }

    function test_UserCommitment_ShouldBeTheTestVector() public view {
        bytes32 salt = 0x0101010101010101010101010101010101010101010101010101010101010101;
        address app_ = 0x00000000000000000000000000000000DeaDBeef;
        assertEq(
            registry.userCommitment(app_, salt, "alice"),
            0xd613492ea827969f863a0aa45917a4b89ddf13e2830fa9933dbb77ec3b364932
        );
    }

    function test_UserCommitment_ShouldBindEverything(
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

    function test_UserCommitment_RevertWhen_TheSaltIsZero() public {
        vm.expectRevert(IDeletionRegistry.ZeroSalt.selector);
        registry.userCommitment(address(app), 0, "alice");
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      HISTORY
    //////////////////////////////////////////////////////////////////////////*/

    function test_HistoryRoot_ShouldBeginWithASeedOfItsOwn() public view {
        assertEq(registry.historyRoot(address(1)), seedOf(address(1)));
        assertNotEq(registry.historyRoot(address(1)), registry.historyRoot(address(2)));
    }

    /// What the NatSpec says a reader can do: rebuild the root from logs alone, and every value of
    /// it from the events of the facts.
    function test_HistoryRoot_ShouldBeRebuiltFromLogsAlone(uint256 seed) public {
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
