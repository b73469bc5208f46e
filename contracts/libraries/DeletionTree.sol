// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @title The Merkle tree of a deletion root
/// @notice Leaves in order, the first with index 0. Going up, neighbours are hashed in pairs and an
/// odd last one is carried up unhashed; this is the shape of RFC 9162, section 2.1.1. Leaves and
/// nodes carry different domains and have different lengths, so neither can pass for the other.
library DeletionTree {
    /// @notice First word of every leaf.
    bytes32 internal constant LEAF_DOMAIN = keccak256("devproof deletion leaf v1");

    /// @notice First word of every inner node.
    bytes32 internal constant NODE_DOMAIN = keccak256("devproof deletion node v1");

    /// @notice keccak256(abi.encode(LEAF_DOMAIN, index, userIdHash, dataHash)).
    /// @dev The index is inside: two places of one tree never hold the same leaf, so the signed
    /// count cannot be reached by repeating a deletion unnoticed.
    function leaf(uint64 index, bytes32 userIdHash, bytes32 dataHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(LEAF_DOMAIN, index, userIdHash, dataHash));
    }

    /// @notice keccak256(abi.encode(NODE_DOMAIN, left, right)).
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encode(NODE_DOMAIN, left, right));
    }

    /// @notice Whether a leaf is at a place of the tree with this root and number of leaves
    /// (RFC 9162, section 2.1.3.2). Index and count fix the exact length of the proof.
    /// @param proof Siblings from the leaf up, where there is one.
    function includes(
        bytes32 root,
        uint64 count,
        uint64 index,
        bytes32 hash,
        bytes32[] calldata proof
    ) internal pure returns (bool) {
        if (index >= count) return false;
        // The place of the running hash on its level, and the last place of that level.
        uint256 place = index;
        uint256 last = count - 1;
        uint256 used = 0;
        while (last != 0) {
            if (place & 1 == 1 || place != last) {
                if (used == proof.length) return false;
                bytes32 sibling = proof[used++];
                hash = place & 1 == 1 ? node(sibling, hash) : node(hash, sibling);
            }
            // An even last place has no sibling: it is carried up as it is.
            place >>= 1;
            last >>= 1;
        }
        return used == proof.length && hash == root;
    }
}
