// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {IDstackAppAuthManagement} from "../../interfaces/IDstackAppAuth.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice What an index does, in the plainest code possible: reads an app's logs, folds the entries
/// of the history into a root, and the stock events into what is allowed.
contract HistoryReference {
    bytes32 public root;
    uint256 public entries;
    mapping(bytes32 hash => bool) public composeHashes;
    mapping(bytes32 id => bool) public devices;
    bool public anyDevice;
    bool public tcb;

    address private immutable _APP;

    constructor(address app) {
        _APP = app;
        root = keccak256(abi.encode(keccak256("devproof AppAuth history v1"), block.chainid, app));
    }

    /// Takes the logs of the present block.
    function take(Vm.Log[] calldata logs) external {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != _APP) continue;
            takeEntry(logs[i]);
            takeStock(logs[i]);
        }
    }

    function takeEntry(Vm.Log calldata log) private {
        if (log.topics[0] != IAppAuth.HistoryExtended.selector) return;
        (uint8 kind, bytes32 value, address actor) = abi.decode(log.data, (uint8, bytes32, address));
        root = keccak256(abi.encode(root, kind, value, actor, block.number, block.timestamp));
        require(root == log.topics[1], "the event names another root");
        ++entries;
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
}
