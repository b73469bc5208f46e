// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDeletionRegistry} from "../interfaces/IDeletionRegistry.sol";
import {RegistryFixture} from "./helpers/RegistryFixture.sol";

contract DeletionRootsTest is RegistryFixture {
    /*//////////////////////////////////////////////////////////////////////////
                                  ATTEST ROOT
    //////////////////////////////////////////////////////////////////////////*/

    function test_AttestRoot_WhenTheStatementIsGood() public {
        IDeletionRegistry.DeletionRoot memory statement = rootOf(address(app), "root", 3);
        bytes memory signature = sign(statement);
        bytes32 id = registry.hashRoot(statement);
        bytes32 history = extended(registry.historyRoot(address(app)), 5, id, signer);
        assertFalse(registry.isRootAttested(id));

        vm.expectEmit(address(registry));
        emit IDeletionRegistry.DeletionRootAttested(
            id, address(app), "root", HASH, 3, uint64(START), 0, signer
        );
        vm.expectEmit(address(registry));
        emit IDeletionRegistry.HistoryExtended(address(app), history, 5, id, signer);
        assertEq(registry.attestRoot(statement, signature), id);
        assertTrue(registry.isRootAttested(id));
        assertEq(registry.historyRoot(address(app)), history);

        vm.expectRevert(abi.encodeWithSelector(IDeletionRegistry.RootAlreadyAttested.selector, id));
        registry.attestRoot(statement, signature);
    }

    function test_AttestRoot_RevertWhen_TheCountIsZero() public {
        IDeletionRegistry.DeletionRoot memory statement = rootOf(address(app), "root", 0);
        bytes memory signature = sign(statement);
        vm.expectRevert(IDeletionRegistry.NoDeletions.selector);
        registry.attestRoot(statement, signature);
    }

    function test_AttestRoot_RevertWhen_TheCountIsNotTheSignedOne(uint64 count) public {
        vm.assume(count != 3 && count != 0);
        IDeletionRegistry.DeletionRoot memory statement = rootOf(address(app), "root", 3);
        bytes memory signature = sign(statement);
        statement.count = count;
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attestRoot(statement, signature);
    }

    function test_AttestRoot_RevertWhen_TimeOrComposeHashAreOut() public {
        IDeletionRegistry.DeletionRoot memory statement = rootOf(address(app), "root", 3);
        statement.deletedAt = uint64(START + 1);
        bytes memory signature = sign(statement);
        vm.expectPartialRevert(IDeletionRegistry.DeletedInFuture.selector);
        registry.attestRoot(statement, signature);

        statement.deletedAt = uint64(START - 7 days - 1);
        signature = sign(statement);
        vm.expectPartialRevert(IDeletionRegistry.DeletedTooLongAgo.selector);
        registry.attestRoot(statement, signature);

        statement.deletedAt = uint64(START);
        statement.composeHash = "other";
        signature = sign(statement);
        vm.expectPartialRevert(IDeletionRegistry.ComposeHashNotAllowed.selector);
        registry.attestRoot(statement, signature);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                  IS INCLUDED
    //////////////////////////////////////////////////////////////////////////*/

    /// Every leaf of trees of every small size is included where it is and nowhere else.
    function test_IsIncluded_WhenTheTreeIsSmall() public {
        for (uint64 count = 1; count <= 17; ++count) {
            bytes32[] memory leaves = leavesOf(count);
            IDeletionRegistry.DeletionRoot memory statement = attested(leaves);
            for (uint64 i = 0; i < count; ++i) {
                bytes32[] memory proof = proofOf(leaves, i);
                assertTrue(registry.isIncluded(statement, i, user(i), data(i), proof));
                assertFalse(registry.isIncluded(statement, i, user(i), data(i + 1), proof));
                assertFalse(registry.isIncluded(statement, i, user(i + 1), data(i), proof));
                assertFalse(registry.isIncluded(statement, i + 1, user(i), data(i), proof));
                assertFalse(registry.isIncluded(statement, i ^ 1, user(i), data(i), proof));
            }
        }
    }

    function test_IsIncluded_WhenTheTreeIsAny(uint64 count, uint64 index, uint256 salt) public {
        count = uint64(bound(count, 1, 300));
        index = uint64(bound(index, 0, count - 1));
        bytes32[] memory leaves = leavesOf(count);
        IDeletionRegistry.DeletionRoot memory statement = attested(leaves);
        bytes32[] memory proof = proofOf(leaves, index);
        assertTrue(registry.isIncluded(statement, index, user(index), data(index), proof));
        if (proof.length != 0) {
            proof[salt % proof.length] ^= bytes32(uint256(1));
            assertFalse(registry.isIncluded(statement, index, user(index), data(index), proof));
        }
    }

    function test_IsIncluded_WhenTheProofHasAnotherLength() public {
        bytes32[] memory leaves = leavesOf(6);
        IDeletionRegistry.DeletionRoot memory statement = attested(leaves);
        bytes32[] memory proof = proofOf(leaves, 2);
        bytes32[] memory longer = new bytes32[](proof.length + 1);
        bytes32[] memory shorter = new bytes32[](proof.length - 1);
        for (uint256 i = 0; i < proof.length; ++i) {
            longer[i] = proof[i];
            if (i < shorter.length) shorter[i] = proof[i];
        }
        assertTrue(registry.isIncluded(statement, 2, user(2), data(2), proof));
        assertFalse(registry.isIncluded(statement, 2, user(2), data(2), longer));
        assertFalse(registry.isIncluded(statement, 2, user(2), data(2), shorter));
        assertFalse(registry.isIncluded(statement, 6, user(2), data(2), proof));
        assertFalse(registry.isIncluded(statement, type(uint64).max, user(2), data(2), proof));
    }

    /// An inner node does not pass for a leaf, even of a statement with a matching smaller count.
    function test_IsIncluded_WhenANodeIsShownAsALeaf() public {
        bytes32[] memory leaves = leavesOf(2);
        IDeletionRegistry.DeletionRoot memory statement = attested(leaves);
        statement.count = 1;
        registry.attestRoot(statement, sign(statement));
        bytes32[] memory none = new bytes32[](0);
        assertFalse(registry.isIncluded(statement, 0, leaves[0], leaves[1], none));
        assertNotEq(
            registry.hashNode(leaves[0], leaves[1]), registry.hashLeaf(0, leaves[0], leaves[1])
        );
    }

    /// A tree of one whose only leaf claims another place: the signed count says there is none.
    function test_IsIncluded_WhenTheLeafIsBehindTheCount() public {
        leafIsBehindTheCount(1);
        leafIsBehindTheCount(5);
    }

    function leafIsBehindTheCount(uint64 place) private {
        IDeletionRegistry.DeletionRoot memory statement =
            rootOf(address(app), registry.hashLeaf(place, user(place), data(place)), 1);
        registry.attestRoot(statement, sign(statement));
        bytes32[] memory none = new bytes32[](0);
        assertFalse(registry.isIncluded(statement, place, user(place), data(place), none));
        assertFalse(registry.isIncluded(statement, 0, user(place), data(place), none));
    }

    /// A root nobody attested proves nothing, nor does an attested one with another field changed.
    function test_IsIncluded_GivenNobodyAttestedTheStatement() public {
        bytes32[] memory leaves = leavesOf(3);
        IDeletionRegistry.DeletionRoot memory statement = rootOf(address(app), treeOf(leaves), 3);
        bytes32[] memory proof = proofOf(leaves, 0);
        assertFalse(registry.isIncluded(statement, 0, user(0), data(0), proof));
        registry.attestRoot(statement, sign(statement));
        assertTrue(registry.isIncluded(statement, 0, user(0), data(0), proof));
        statement.app = address(stock);
        assertFalse(registry.isIncluded(statement, 0, user(0), data(0), proof));
    }

    /*//////////////////////////////////////////////////////////////////////////
                         A TREE BUILT AS RFC 9162 DEFINES IT
    //////////////////////////////////////////////////////////////////////////*/

    function user(uint64 i) private pure returns (bytes32) {
        return keccak256(abi.encode("user", i));
    }

    function data(uint64 i) private pure returns (bytes32) {
        return keccak256(abi.encode("data", i));
    }

    function leavesOf(uint64 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint64 i = 0; i < count; ++i) {
            leaves[i] = keccak256(
                abi.encode(keccak256("devproof deletion leaf v1"), uint256(i), user(i), data(i))
            );
        }
    }

    function attested(bytes32[] memory leaves)
        private
        returns (IDeletionRegistry.DeletionRoot memory statement)
    {
        statement = rootOf(address(app), treeOf(leaves), uint64(leaves.length));
        registry.attestRoot(statement, sign(statement));
    }

    function treeOf(bytes32[] memory leaves) private pure returns (bytes32) {
        return subtree(leaves, 0, leaves.length);
    }

    /// Section 2.1.1: split at the largest power of two below the size.
    function subtree(bytes32[] memory leaves, uint256 from, uint256 to)
        private
        pure
        returns (bytes32)
    {
        if (to - from == 1) return leaves[from];
        uint256 middle = from + split(to - from);
        return keccak256(
            abi.encode(
                keccak256("devproof deletion node v1"),
                subtree(leaves, from, middle),
                subtree(leaves, middle, to)
            )
        );
    }

    function split(uint256 size) private pure returns (uint256 k) {
        for (k = 1; 2 * k < size;) {
            k *= 2;
        }
    }

    /// Section 2.1.3.1, from the top down and then reversed.
    function proofOf(bytes32[] memory leaves, uint256 index)
        private
        pure
        returns (bytes32[] memory proof)
    {
        bytes32[64] memory down;
        uint256 depth;
        (uint256 from, uint256 to) = (0, leaves.length);
        while (to - from > 1) {
            uint256 middle = from + split(to - from);
            if (index < middle) {
                down[depth++] = subtree(leaves, middle, to);
                to = middle;
            } else {
                down[depth++] = subtree(leaves, from, middle);
                from = middle;
            }
        }
        proof = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            proof[i] = down[depth - 1 - i];
        }
    }
}
