// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @notice The views of an AppAuth that the deletion registry asks for, with one interval per hash.
contract TimedApp {
    address public owner;
    address public guardian;
    mapping(bytes32 hash => uint256) public since;
    mapping(bytes32 hash => uint256) public until;

    constructor(address owner_, address guardian_) {
        (owner, guardian) = (owner_, guardian_);
    }

    function allow(bytes32 hash, uint256 from, uint256 to) external {
        (since[hash], until[hash]) = (from, to);
    }

    function allowedAt(bytes32 hash, uint256 time) external view returns (bool) {
        return time <= block.timestamp && since[hash] <= time && time < until[hash];
    }

    function allowedComposeHashes(bytes32 hash) external view returns (bool) {
        return since[hash] <= block.timestamp && block.timestamp < until[hash];
    }
}

/// @notice Says yes only with nearly all the gas that the registry promises an app.
contract ThirstyApp {
    address public owner = msg.sender;

    function allowedAt(bytes32, uint256) external view returns (bool) {
        return gasleft() > 99_000;
    }
}

/// @notice Answers `allowedAt` in any way a test likes, and says yes to "allowed now".
contract OddApp {
    enum Way {
        RevertsWithoutData,
        RevertsWithReason,
        AnswersTwo,
        AnswersTwoWords,
        AnswersNothing,
        BurnsAllGas
    }

    Way private immutable _WAY;
    address public owner = msg.sender;

    constructor(Way way) {
        _WAY = way;
    }

    function allowedComposeHashes(bytes32) external pure returns (bool) {
        return true;
    }

    fallback() external {
        Way way = _WAY;
        if (way == Way.RevertsWithReason) revert("no");
        assembly {
            mstore(0, 1)
            mstore(32, 1)
            switch way
            case 0 { revert(0, 0) }
            case 2 {
                mstore(0, 2)
                return(0, 32)
            }
            case 3 { return(0, 64) }
            case 5 { invalid() }
        }
    }
}
