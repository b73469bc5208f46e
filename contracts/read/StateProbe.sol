// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @title Many questions about a state in one call
/// @notice NEVER DEPLOYED. Its creation code, followed by its arguments, is the input of an `eth_call` without a
/// recipient: what the constructor returns is the answer. Who reads a chain saves a dozen questions a contract this
/// way; nothing on a chain calls it or relies on it.
///
/// WHAT IS ASKED MAY BE HOSTILE. A question gets a fixed amount of gas, or the whole call reverts, so that a
/// contract cannot make the one behind it look as if it had no answer. Of what it answers two words are taken, however
/// long it is. Questions are static calls: nothing one contract does is seen by the next.
contract StateProbe {
    struct Question {
        address to;
        bytes data;
    }

    struct Answer {
        /// @dev Whether the call came back without reverting. Without code at the address it does, with no data.
        bool given;
        /// @dev The first two words at most.
        bytes data;
    }

    /// @notice There was not enough gas left to give a question its share.
    error TooLittleGas();

    /// @dev Gas for what surrounds a question, more than enough.
    uint256 private constant _MARGIN = 50_000;

    /// @dev The most bytes of an answer that are taken.
    uint256 private constant _MOST = 64;

    /// @param accounts Whose code hashes are wanted: zero where there is no account (EIP-1052).
    /// @param questions Who is asked what.
    /// @param gasEach The gas of each question.
    /// @dev Returns `abi.encode(bytes32[] codeHashes, Answer[] answers)` where other constructors return code. It begins
    /// with a zero byte, which EIP-3541 allows, and nodes hold it to 24,576 bytes (EIP-170).
    constructor(address[] memory accounts, Question[] memory questions, uint256 gasEach) {
        bytes32[] memory codeHashes = new bytes32[](accounts.length);
        for (uint256 i = 0; i < accounts.length; i++) {
            codeHashes[i] = accounts[i].codehash;
        }
        Answer[] memory answers = new Answer[](questions.length);
        for (uint256 i = 0; i < questions.length; i++) {
            // A call is given no more than 63 of 64 parts of what is there (EIP-150), and silently less than it was to get.
            uint256 left = gasleft();
            if (left < _MARGIN || left - left / 64 - _MARGIN < gasEach) revert TooLittleGas();
            (answers[i].given, answers[i].data) = _ask(questions[i], gasEach);
        }
        bytes memory all = abi.encode(codeHashes, answers);
        assembly ("memory-safe") {
            return(add(all, 0x20), mload(all))
        }
    }

    function _ask(Question memory question, uint256 share)
        private
        view
        returns (bool given, bytes memory data)
    {
        address to = question.to;
        bytes memory input = question.data;
        data = new bytes(_MOST);
        // In Solidity's own call all that comes back is copied, and paid for.
        assembly ("memory-safe") {
            given := staticcall(share, to, add(input, 0x20), mload(input), add(data, 0x20), _MOST)
            if lt(returndatasize(), _MOST) { mstore(data, returndatasize()) }
        }
    }
}
