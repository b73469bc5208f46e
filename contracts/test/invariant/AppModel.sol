// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Kinds} from "../../libraries/Kinds.sol";

/// @notice The rules of AppAuth once more, in the plainest code possible and without a line of it:
/// every value of a setting is a row with two marks, every rule is a sentence over them.
contract AppModel {
    struct Row {
        bool inForce;
        bool pending;
        uint256 proposedAt;
        uint256 ripeAt;
    }

    uint256 private constant _FLOOR = 2 days;
    uint256 private constant _CEILING = 30 days;
    uint256 private constant _GRACE = 14 days;

    address public owner;
    address public pendingOwner;
    address public guardian;
    uint256 public notice;
    uint256 public pendingCount;
    bool public pinned;
    mapping(uint8 kind => bool) public frozen;
    mapping(uint8 kind => mapping(bytes32 value => Row)) private _rows;
    /// Values ever on the list of OS images, and the one notice period ever pending.
    bytes32[] private _images;
    bytes32 private _pendingNotice;

    constructor(address owner_, address guardian_, uint256 notice_) {
        (owner, guardian, notice) = (owner_, guardian_, notice_);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      WHAT IS
    //////////////////////////////////////////////////////////////////////////*/

    function row(uint8 kind, bytes32 value) external view returns (Row memory) {
        return _rows[kind][value];
    }

    function inForce(uint8 kind, bytes32 value) public view returns (bool) {
        if (kind == Kinds.ANY_OS_IMAGE) return !pinned;
        if (kind == Kinds.NOTICE_PERIOD) return uint256(value) == notice;
        if (kind == Kinds.GUARDIAN) return value == word(guardian);
        if (kind == Kinds.FREEZE) return frozen[uint8(uint256(value))];
        return _rows[kind][value].inForce;
    }

    function isDead(uint8 kind, bytes32 value) public view returns (bool) {
        return frozen[kind] || block.timestamp >= _rows[kind][value].ripeAt + _GRACE;
    }

    function word(address account) public pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     WHAT MAY BE
    //////////////////////////////////////////////////////////////////////////*/

    function mayWiden(uint8 kind, bytes32 value) public view returns (bool) {
        if (frozen[kind] || inForce(kind, value)) return false;
        if (kind == Kinds.OS_IMAGE) return pinned;
        if (kind == Kinds.NOTICE_PERIOD) {
            return uint256(value) >= _FLOOR && uint256(value) < notice;
        }
        if (kind == Kinds.GUARDIAN) return guardian != address(0);
        return true;
    }

    function mayPropose(address who, uint8 kind, bytes32 value) external view returns (bool) {
        if (who != owner || !mayWiden(kind, value)) return false;
        uint256 count = pendingCount;
        bytes32 other = kind == Kinds.NOTICE_PERIOD ? _pendingNotice : value;
        if (_rows[kind][other].pending) {
            if (!isDead(kind, other)) return false;
            --count;
        }
        return count < 16;
    }

    function mayActivate(uint8 kind, bytes32 value) public view returns (bool) {
        Row memory it = _rows[kind][value];
        return
            it.pending && block.timestamp >= it.ripeAt && !isDead(kind, value)
                && mayWiden(kind, value);
    }

    function mayCancel(address who, uint8 kind, bytes32 value) external view returns (bool) {
        return
            _rows[kind][value].pending && (who == owner || who == guardian || isDead(kind, value));
    }

    function mayIncrease(address who, uint256 seconds_) external view returns (bool) {
        return who == owner && seconds_ > notice && seconds_ >= _FLOOR && seconds_ <= _CEILING;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    WHAT BECOMES
    //////////////////////////////////////////////////////////////////////////*/

    function propose(uint8 kind, bytes32 value) external {
        if (kind == Kinds.NOTICE_PERIOD) {
            withdraw(kind, _pendingNotice);
            _pendingNotice = value;
        }
        withdraw(kind, value);
        Row storage it = _rows[kind][value];
        (it.pending, it.proposedAt) = (true, block.timestamp);
        it.ripeAt = block.timestamp + notice;
        ++pendingCount;
    }

    function withdraw(uint8 kind, bytes32 value) public {
        if (!_rows[kind][value].pending) return;
        _rows[kind][value].pending = false;
        --pendingCount;
    }

    function activate(uint8 kind, bytes32 value) external {
        withdraw(kind, value);
        allow(kind, value);
    }

    function allow(uint8 kind, bytes32 value) public {
        if (kind == Kinds.ANY_OS_IMAGE) {
            pinned = false;
            for (uint256 i = 0; i < _images.length; ++i) {
                _rows[Kinds.OS_IMAGE][_images[i]].inForce = false;
            }
            delete _images;
        } else if (kind == Kinds.NOTICE_PERIOD) {
            notice = uint256(value);
        } else if (kind == Kinds.GUARDIAN) {
            guardian = address(uint160(uint256(value)));
        } else if (kind == Kinds.FREEZE) {
            frozen[uint8(uint256(value))] = true;
        } else {
            _rows[kind][value].inForce = true;
        }
        if (kind == Kinds.OS_IMAGE) {
            pinned = true;
            _images.push(value);
        }
    }

    function remove(uint8 kind, bytes32 value) external {
        _rows[kind][value].inForce = false;
        withdraw(kind, value);
    }

    function increase(uint256 seconds_) external {
        notice = seconds_;
    }

    function offer(address to) external {
        pendingOwner = to;
    }

    function hand(address to) external {
        (owner, pendingOwner) = (to, address(0));
    }
}
