// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {IDstackAppAuthManagement} from "../../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../../libraries/Kinds.sol";
import {Value, isInForce} from "./AppValues.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice What an index does, in the plainest code possible: reads an app's logs, folds the entries
/// of the history into a root and into all that the app is, and, without a look at them, the stock
/// events into what is allowed.
contract HistoryReference {
    bytes32 public root;
    uint256 public entries;

    // What the stock events say.
    mapping(bytes32 hash => bool) public composeHashes;
    mapping(bytes32 id => bool) public devices;
    bool public anyDevice;
    bool public tcb;

    // What the entries say.
    address public owner;
    address public pendingOwner;
    address public guardian;
    uint256 public notice;
    uint256 public pendingCount;
    bool public pinned;
    mapping(uint8 kind => mapping(bytes32 value => uint256)) public ripeAt;
    mapping(uint8 kind => mapping(bytes32 value => bool)) private _set;
    mapping(bytes32 image => uint256) private _listOf;
    uint256 private _list = 1;

    address private immutable _APP;

    constructor(address app) {
        _APP = app;
        root = keccak256(abi.encode(keccak256("devproof AppAuth history v1"), block.chainid, app));
    }

    /// Takes the logs of one call, made in the present block.
    function take(Vm.Log[] calldata logs) external {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != _APP) continue;
            takeEntry(logs[i]);
            takeStock(logs[i]);
        }
    }

    function takeStock(Vm.Log calldata log) private {
        bytes32 topic = log.topics[0];
        if (topic == IDstackAppAuthManagement.ComposeHashAdded.selector) {
            composeHashes[abi.decode(log.data, (bytes32))] = true;
        } else if (topic == IDstackAppAuthManagement.ComposeHashRemoved.selector) {
            composeHashes[abi.decode(log.data, (bytes32))] = false;
        } else if (topic == IDstackAppAuthManagement.DeviceAdded.selector) {
            devices[abi.decode(log.data, (bytes32))] = true;
        } else if (topic == IDstackAppAuthManagement.DeviceRemoved.selector) {
            devices[abi.decode(log.data, (bytes32))] = false;
        } else if (topic == IDstackAppAuthManagement.AllowAnyDeviceSet.selector) {
            anyDevice = abi.decode(log.data, (bool));
        } else if (topic == IDstackAppAuthManagement.RequireTcbUpToDateSet.selector) {
            tcb = abi.decode(log.data, (bool));
        }
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     THE ENTRIES
    //////////////////////////////////////////////////////////////////////////*/

    function takeEntry(Vm.Log calldata log) private {
        if (log.topics[0] != IAppAuth.HistoryExtended.selector) return;
        (uint8 kind, bytes32 value, address actor) = abi.decode(log.data, (uint8, bytes32, address));
        root = keccak256(abi.encode(root, kind, value, actor, block.number, block.timestamp));
        require(root == log.topics[1], "the event names another root");
        ++entries;
        fold(kind & 0xf0, kind & 0x0f, value);
    }

    function fold(uint8 action, uint8 kind, bytes32 value) private {
        if (action == Kinds.PROPOSED && kind != Kinds.SOURCE) {
            ripeAt[kind][value] = block.timestamp + notice;
            ++pendingCount;
        } else if (action == Kinds.CANCELLED) {
            settle(kind, value);
        } else if (action == Kinds.REMOVED) {
            if (kind == Kinds.OS_IMAGE) _listOf[value] = 0;
            else _set[kind][value] = false;
        } else if (action == Kinds.SET) {
            set(kind, value);
        }
    }

    /// What comes into force with a proposal pending was activated: every narrowing withdraws it first.
    function set(uint8 kind, bytes32 value) private {
        settle(kind, value);
        uint256 number = uint256(value);
        if (kind == Kinds.OWNER) {
            (owner, pendingOwner) = (address(uint160(number)), address(0));
        } else if (kind == Kinds.PENDING_OWNER) {
            pendingOwner = address(uint160(number));
        } else if (kind == Kinds.OS_IMAGE) {
            pinned = true;
            _listOf[value] = _list;
        } else if (kind == Kinds.ANY_OS_IMAGE) {
            pinned = false;
            ++_list;
        } else if (kind == Kinds.NOTICE_PERIOD) {
            notice = number;
        } else if (kind == Kinds.GUARDIAN) {
            guardian = address(uint160(number));
        } else if (kind == Kinds.ANY_DEVICE) {
            _set[kind][bytes32(uint256(1))] = number == 1;
        } else if (kind == Kinds.TCB_REQUIREMENT) {
            _set[kind][0] = number == 0;
        } else {
            _set[kind][value] = true;
        }
    }

    function settle(uint8 kind, bytes32 value) private {
        if (ripeAt[kind][value] == 0) return;
        ripeAt[kind][value] = 0;
        --pendingCount;
    }

    function inForce(uint8 kind, bytes32 value) public view returns (bool) {
        if (kind == Kinds.OS_IMAGE) return pinned && _listOf[value] == _list;
        if (kind == Kinds.ANY_OS_IMAGE) return !pinned;
        if (kind == Kinds.NOTICE_PERIOD) return uint256(value) == notice;
        if (kind == Kinds.GUARDIAN) return value == bytes32(uint256(uint160(guardian)));
        return _set[kind][value];
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   AGAINST THE APP
    //////////////////////////////////////////////////////////////////////////*/

    /// The entries alone rebuild everything, the root included. Reverts with what differs.
    function requireEverything(Value[] calldata values) external view {
        AppAuth app = AppAuth(_APP);
        require(app.historyRoot() == root, "root");
        require(app.owner() == owner, "owner");
        require(app.pendingOwner() == pendingOwner, "pending owner");
        require(app.guardian() == guardian, "guardian");
        require(app.noticePeriod() == notice, "notice");
        require(app.pendingCount() == pendingCount, "pending count");
        require(app.osImagesPinned() == pinned, "pinned");
        for (uint256 i = 0; i < values.length; ++i) {
            (uint8 kind, bytes32 value) = (values[i].kind, values[i].value);
            require(isInForce(app, kind, value) == inForce(kind, value), "in force");
            require(app.ripeAt(kind, value) == ripeAt[kind][value], "ripe at");
        }
    }

    /// The stock events alone rebuild what is allowed.
    function requireAllowedSet(bytes32[] calldata values) external view {
        AppAuth app = AppAuth(_APP);
        for (uint256 i = 0; i < values.length; ++i) {
            require(app.allowedComposeHashes(values[i]) == composeHashes[values[i]], "compose hash");
            require(app.allowedDeviceIds(values[i]) == devices[values[i]], "device");
        }
        require(app.allowAnyDevice() == anyDevice, "any device");
        require(app.requireTcbUpToDate() == tcb, "TCB");
    }
}
