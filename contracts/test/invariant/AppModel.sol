// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Kinds} from "../../libraries/Kinds.sol";
import {Value} from "../helpers/AppValues.sol";

/// @notice The rules of AppAuth once more, in the plainest code possible and without a line of it:
/// every value of a setting is a row with two marks, every rule is a sentence over them.
contract AppModel {
    struct Row {
        bool inForce;
        bool pending;
        uint256 ripeAt;
        /// Its latest interval of being in force.
        uint256 since;
        uint256 until;
    }

    uint256 private constant _FLOOR = 2 days;
    uint256 private constant _CEILING = 30 days;
    uint256 private constant _GRACE = 14 days;
    uint256 private constant _NEVER = type(uint256).max;
    bytes32 private constant _ONE = bytes32(uint256(1));

    address public owner;
    address public pendingOwner;
    address public guardian;
    uint256 public notice;
    uint256 public pendingCount;
    bool public pinned;
    mapping(uint8 kind => bool) public frozen;
    mapping(uint8 kind => mapping(bytes32 value => Row)) private _rows;
    /// Values ever on the list of OS images, and the one notice period that was proposed last.
    bytes32[] private _images;
    bytes32 private _decrease;

    constructor(address owner_, address guardian_, uint256 notice_) {
        (owner, guardian, notice) = (owner_, guardian_, notice_);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      WHAT IS
    //////////////////////////////////////////////////////////////////////////*/

    function row(uint8 kind, bytes32 value) external view returns (Row memory) {
        return _rows[kind][value];
    }

    /// `earliest` of many at once.
    function earliestOf(Value[] calldata values) external view returns (uint256[] memory times) {
        times = new uint256[](values.length);
        for (uint256 i = 0; i < values.length; ++i) {
            times[i] = earliest(values[i].kind, values[i].value);
        }
    }

    /// The place of the first pending value from `from` on, in a circle; `from` if there is none.
    function pendingFrom(Value[] calldata values, uint256 from) external view returns (uint256) {
        for (uint256 i = 0; i < values.length; ++i) {
            uint256 place = (from + i) % values.length;
            if (_rows[values[place].kind][values[place].value].pending) return place;
        }
        return from;
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

    /// Why each boot info of a small world is refused, empty if it is not: bit 0 of its number is the
    /// compose hash, bit 1 the device, bit 2 the OS image, bit 3 whether the TCB is out of date.
    function reasons(bytes32[2] calldata names) external view returns (string[16] memory all) {
        for (uint256 i = 0; i < 16; ++i) {
            all[i] = reason(names[i & 1], names[i >> 1 & 1], names[i >> 2 & 1], i < 8);
        }
    }

    /// The stock reasons in their order, and ours.
    function reason(bytes32 hash, bytes32 device, bytes32 image, bool upToDate)
        private
        view
        returns (string memory)
    {
        if (!upToDate && !inForce(Kinds.TCB_REQUIREMENT, 0)) {
            return "TCB status is not up to date";
        }
        if (!inForce(Kinds.COMPOSE_HASH, hash)) return "Compose hash not allowed";
        if (!inForce(Kinds.ANY_DEVICE, _ONE) && !inForce(Kinds.DEVICE, device)) {
            return "Device not allowed";
        }
        if (pinned && !inForce(Kinds.OS_IMAGE, image)) return "OS image not allowed by the app";
        return "";
    }

    function word(address account) public pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      EARLIEST
    //////////////////////////////////////////////////////////////////////////*/

    /// Every way there is, one after the other, and the soonest of them.
    function earliest(uint8 kind, bytes32 value) public view returns (uint256 time) {
        if (!means(kind, value)) return _NEVER;
        if (inForce(kind, value)) return 0;
        time = sooner(asAnnounced(kind, value), proposedAnew(kind));
        if (owner == address(0)) return time;
        // What opens under another name, and a narrowing behind it.
        if (kind == Kinds.OS_IMAGE) {
            time = sooner(time, asAnnounced(Kinds.ANY_OS_IMAGE, _ONE));
            time = sooner(time, proposedAnew(Kinds.ANY_OS_IMAGE));
        }
        if (kind == Kinds.GUARDIAN) time = sooner(time, asAnnounced(kind, 0));
        if (kind == Kinds.NOTICE_PERIOD && uint256(value) > uint256(_decrease)) {
            time = sooner(time, asAnnounced(kind, _decrease));
        }
    }

    function asAnnounced(uint8 kind, bytes32 value) private view returns (uint256) {
        Row memory it = _rows[kind][value];
        if (!it.pending || isDead(kind, value)) return _NEVER;
        return it.ripeAt > block.timestamp ? it.ripeAt : block.timestamp;
    }

    /// Under the notice of today, or under the one that was announced, once that is in force.
    function proposedAnew(uint8 kind) private view returns (uint256 time) {
        if (owner == address(0) || frozen[kind]) return _NEVER;
        time = block.timestamp + notice;
        uint256 then = asAnnounced(Kinds.NOTICE_PERIOD, _decrease);
        if (then != _NEVER) time = sooner(time, then + uint256(_decrease));
    }

    function sooner(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     WHAT MAY BE
    //////////////////////////////////////////////////////////////////////////*/

    /// Whether the value is one that this setting could widen to, or has.
    function means(uint8 kind, bytes32 value) private view returns (bool) {
        if (kind == Kinds.OS_IMAGE) return pinned;
        if (kind == Kinds.GUARDIAN) return guardian != address(0);
        if (kind != Kinds.NOTICE_PERIOD) return true;
        return uint256(value) >= _FLOOR && uint256(value) <= notice;
    }

    function mayWiden(uint8 kind, bytes32 value) public view returns (bool) {
        return !frozen[kind] && means(kind, value) && !inForce(kind, value);
    }

    function mayPropose(address who, uint8 kind, bytes32 value) external view returns (bool) {
        if (who != owner || !mayWiden(kind, value)) return false;
        uint256 count = pendingCount;
        bytes32 other = kind == Kinds.NOTICE_PERIOD ? _decrease : value;
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
            withdraw(kind, _decrease);
            _decrease = value;
        }
        withdraw(kind, value);
        Row storage it = _rows[kind][value];
        (it.pending, it.ripeAt) = (true, block.timestamp + notice);
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
            Row storage it = _rows[kind][value];
            (it.inForce, it.since, it.until) = (true, block.timestamp, _NEVER);
        }
        if (kind == Kinds.OS_IMAGE) {
            pinned = true;
            _images.push(value);
        }
    }

    function remove(uint8 kind, bytes32 value) external {
        Row storage it = _rows[kind][value];
        if (it.inForce) (it.inForce, it.until) = (false, block.timestamp);
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
