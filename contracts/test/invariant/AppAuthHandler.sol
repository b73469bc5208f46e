// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {IDstackAppAuth} from "../../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../../libraries/Kinds.sol";
import {HistoryReference} from "../helpers/HistoryReference.sol";
import {AppModel} from "./AppModel.sol";
import {Test} from "forge-std/Test.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice Everybody who can touch an app, and time. Each call is made for real, whether the rules let
/// it through or not; that it succeeds exactly when the model says so is asserted on the spot, and so
/// are the properties that concern a single step.
contract AppAuthHandler is Test {
    struct Value {
        uint8 kind;
        bytes32 value;
    }

    uint256 private constant _GRACE = 14 days;
    uint256 private constant _FLOOR = 2 days;
    bytes32 private constant _ONE = bytes32(uint256(1));

    AppAuth public immutable app;
    AppModel public immutable model;
    HistoryReference public immutable naive;

    /// Owner, guardian, stranger, and the thief, who holds the owner's key for a while.
    address[4] private _people =
        [address(0x0123), address(0x4567), address(0x89ab), address(0xcdef)];
    Value[] private _values;
    /// Compose hashes that only fill the list of pending ones.
    bytes32[] private _crowd;
    /// The latest `earliest` told of each value; nothing may come into force before it.
    mapping(uint256 index => uint256) private _told;
    mapping(uint256 index => bool) private _wasInForce;
    uint256 private _accepted;

    constructor(IAppAuth.Settings memory settings, bytes32[3] memory hashes) {
        vm.recordLogs();
        app = new AppAuth(settings);
        naive = new HistoryReference(address(app));
        naive.take(vm.getRecordedLogs());
        model = new AppModel(settings.owner, settings.guardian, settings.noticePeriod);
        for (uint256 i = 0; i < 3; ++i) {
            _values.push(Value(Kinds.COMPOSE_HASH, hashes[i]));
            _values.push(Value(Kinds.DEVICE, hashes[i]));
            _values.push(Value(Kinds.OS_IMAGE, hashes[i]));
        }
        _values.push(Value(Kinds.ANY_DEVICE, _ONE));
        _values.push(Value(Kinds.TCB_REQUIREMENT, 0));
        _values.push(Value(Kinds.ANY_OS_IMAGE, _ONE));
        uint256[5] memory notices = [uint256(2 days), 3 days, 7 days, 8 days, 30 days];
        for (uint256 i = 0; i < 5; ++i) {
            _values.push(Value(Kinds.NOTICE_PERIOD, bytes32(notices[i])));
        }
        for (uint256 i = 0; i < 4; ++i) {
            _values.push(Value(Kinds.GUARDIAN, model.word(i == 0 ? address(0) : _people[i])));
        }
        for (uint256 i = 1; i <= 8; ++i) {
            _values.push(Value(Kinds.FREEZE, bytes32(i)));
        }
        for (uint256 i = 0; i < settings.composeHashes.length; ++i) {
            model.allow(Kinds.COMPOSE_HASH, settings.composeHashes[i]);
        }
        for (uint256 i = 0; i < settings.devices.length; ++i) {
            model.allow(Kinds.DEVICE, settings.devices[i]);
        }
        for (uint256 i = 0; i < settings.osImages.length; ++i) {
            model.allow(Kinds.OS_IMAGE, settings.osImages[i]);
        }
        if (settings.allowAnyDevice) model.allow(Kinds.ANY_DEVICE, _ONE);
        if (!settings.requireTcbUpToDate) model.allow(Kinds.TCB_REQUIREMENT, 0);
        _accepted = accepted();
        listen();
    }

    /*//////////////////////////////////////////////////////////////////////////
                                        TIME
    //////////////////////////////////////////////////////////////////////////*/

    function wait(uint256 seconds_) external {
        pass(block.timestamp + bound(seconds_, 0, 4 days));
    }

    /// To the seconds at which something pending changes what it is.
    function waitFor(uint256 which, uint256 edge) external {
        Value memory it = pendingOne(which);
        AppModel.Row memory row = model.row(it.kind, it.value);
        if (!row.pending) return;
        uint256[4] memory edges =
            [row.ripeAt - 1, row.ripeAt, row.ripeAt + _GRACE - 1, row.ripeAt + _GRACE];
        // The dead end is reached seldom, or hardly anything would ever be activated.
        uint256 time = edges[edge % 16 > 13 ? 2 + edge % 2 : edge % 2];
        if (time > block.timestamp) pass(time);
    }

    function pass(uint256 time) private {
        vm.warp(time);
        vm.roll(block.number + 1);
        listen();
    }

    /*//////////////////////////////////////////////////////////////////////////
                                       PEOPLE
    //////////////////////////////////////////////////////////////////////////*/

    function propose(uint256 who, uint256 which, uint256 way) external {
        Value memory it = any(which);
        address caller = mostlyOwner(who);
        bool expected = model.mayPropose(caller, it.kind, it.value);
        bytes memory call = abi.encodeCall(app.propose, (it.kind, it.value));
        if (it.kind == Kinds.COMPOSE_HASH && way % 3 == 1) {
            call = abi.encodeWithSignature("proposeComposeHash(bytes32)", it.value);
        } else if (it.kind == Kinds.COMPOSE_HASH && way % 3 == 2) {
            call = abi.encodeWithSignature(
                "proposeComposeHash(bytes32,bytes32,string)", it.value, bytes32(way), "ipfs://"
            );
        }
        if (expected) model.propose(it.kind, it.value);
        make(caller, call, expected, "propose");
    }

    /// More compose hashes than anybody can follow, to get to the limit of pending ones.
    function proposeMany(uint256 who, uint8 count) external {
        address caller = mostlyOwner(who);
        for (uint256 i = 0; i < count % 6; ++i) {
            bytes32 hash = keccak256(abi.encode("crowd", _crowd.length));
            bool expected = model.mayPropose(caller, Kinds.COMPOSE_HASH, hash);
            if (expected) {
                model.propose(Kinds.COMPOSE_HASH, hash);
                _crowd.push(hash);
            }
            make(caller, abi.encodeCall(app.propose, (1, hash)), expected, "propose many");
        }
    }

    /// Out of the crowd again: the guardian at any time, anybody once it is dead.
    function cancelMany(uint256 who, uint256 from) external {
        address caller = person(who);
        for (uint256 i = from % (_crowd.length + 1); i < _crowd.length; ++i) {
            bool expected = model.mayCancel(caller, Kinds.COMPOSE_HASH, _crowd[i]);
            if (!expected) continue;
            model.withdraw(Kinds.COMPOSE_HASH, _crowd[i]);
            make(caller, abi.encodeCall(app.cancelComposeHash, (_crowd[i])), true, "cancel many");
        }
    }

    function activate(uint256 who, uint256 which, uint256 way) external {
        Value memory it = way % 8 == 0 ? any(which) : pendingOne(which);
        bool expected = model.mayActivate(it.kind, it.value);
        bytes memory call = abi.encodeCall(app.activate, (it.kind, it.value));
        bool stock = way % 3 == 0 && it.kind <= Kinds.TCB_REQUIREMENT;
        if (stock) {
            // In force already: a success without effect.
            bool silent = model.inForce(it.kind, it.value);
            if (expected) model.activate(it.kind, it.value);
            expected = expected || silent;
            if (it.kind == Kinds.COMPOSE_HASH) {
                call = abi.encodeCall(app.addComposeHash, (it.value));
            }
            if (it.kind == Kinds.DEVICE) call = abi.encodeCall(app.addDevice, (it.value));
            if (it.kind == Kinds.ANY_DEVICE) call = abi.encodeCall(app.setAllowAnyDevice, (true));
            if (it.kind == Kinds.TCB_REQUIREMENT) {
                call = abi.encodeCall(app.setRequireTcbUpToDate, (false));
            }
        } else {
            if (it.kind == Kinds.COMPOSE_HASH && way % 3 == 1) {
                call = abi.encodeCall(app.activateComposeHash, (it.value));
            }
            if (expected) model.activate(it.kind, it.value);
        }
        make(person(who), call, expected, "activate");
    }

    function cancel(uint256 who, uint256 which, uint256 way) external {
        // Seldom by those who may, or nothing would ever ripen.
        Value memory it = way % 8 == 0 ? any(which) : pendingOne(which);
        address caller = way % 3 == 0 ? person(who) : _people[2];
        bool expected = model.mayCancel(caller, it.kind, it.value);
        bytes memory call = abi.encodeCall(app.cancel, (it.kind, it.value));
        if (it.kind == Kinds.COMPOSE_HASH && way % 2 == 0) {
            call = abi.encodeCall(app.cancelComposeHash, (it.value));
        }
        if (expected) model.withdraw(it.kind, it.value);
        make(caller, call, expected, "cancel");
    }

    function remove(uint256 who, uint256 which, uint256 way) external {
        Value memory it = any(which);
        address caller = person(who);
        bool known = it.kind == Kinds.COMPOSE_HASH || it.kind == Kinds.DEVICE
            || it.kind == Kinds.OS_IMAGE || it.kind == Kinds.ANY_DEVICE;
        bool expected = known && (caller == model.owner() || caller == model.guardian());
        bytes memory call = abi.encodeCall(app.remove, (it.kind, it.value));
        if (way % 2 == 0) {
            if (it.kind == Kinds.COMPOSE_HASH) {
                call = abi.encodeCall(app.removeComposeHash, (it.value));
            }
            if (it.kind == Kinds.DEVICE) call = abi.encodeCall(app.removeDevice, (it.value));
            if (it.kind == Kinds.ANY_DEVICE) call = abi.encodeCall(app.setAllowAnyDevice, (false));
        }
        if (expected) model.remove(it.kind, it.value);
        make(caller, call, expected, "remove");
        if (!expected) return;
        assertEq(app.ripeAt(it.kind, it.value), 0);
        assertFalse(model.inForce(it.kind, it.value));
    }

    function requireTcb(uint256 who) external {
        address caller = person(who);
        bool expected = caller == model.owner();
        if (expected) model.remove(Kinds.TCB_REQUIREMENT, 0);
        make(caller, abi.encodeCall(app.setRequireTcbUpToDate, (true)), expected, "require");
    }

    function pin(uint256 who, uint256 first, uint256 count) external {
        address caller = mostlyOwner(who);
        bytes32[] memory images = new bytes32[](count % 3);
        for (uint256 i = 0; i < images.length; ++i) {
            images[i] = _values[2 + 3 * ((first % 3 + i) % 3)].value;
        }
        bool expected = caller == model.owner() && !model.pinned() && images.length != 0;
        if (expected) {
            for (uint256 i = 0; i < images.length; ++i) {
                model.allow(Kinds.OS_IMAGE, images[i]);
            }
        }
        make(caller, abi.encodeCall(app.pinOsImages, (images)), expected, "pin");
    }

    function increase(uint256 who, uint256 which) external {
        address caller = mostlyOwner(who);
        uint256[6] memory notices = [uint256(3 days), 7 days, 8 days, 30 days, 30 days + 1, 1 days];
        uint256 notice = notices[which % 6];
        bool expected = model.mayIncrease(caller, notice);
        if (expected) model.increase(notice);
        make(
            caller, abi.encodeCall(app.increaseNoticePeriod, (uint32(notice))), expected, "increase"
        );
    }

    function name(uint256 who, uint256 whom) external {
        address caller = mostlyOwner(who);
        address guardian = person(whom);
        bool expected = caller == model.owner() && model.guardian() == address(0);
        if (expected) model.allow(Kinds.GUARDIAN, model.word(guardian));
        make(caller, abi.encodeCall(app.setGuardian, (guardian)), expected, "name");
    }

    /// The thief offers the ownership to himself; the owner may still get it back.
    function offer(uint256 who, uint256 whom) external {
        address caller = mostlyOwner(who);
        address to = whom % 5 == 0 ? address(0) : person(whom);
        bool expected = caller == model.owner();
        if (expected) model.offer(to);
        make(caller, abi.encodeCall(app.transferOwnership, (to)), expected, "offer");
    }

    function accept(uint256 who) external {
        address caller = person(who);
        bool expected = caller == model.pendingOwner();
        if (expected) model.hand(caller);
        make(caller, abi.encodeCall(app.acceptOwnership, ()), expected, "accept");
    }

    function renounce(uint256 who, uint256 luck) external {
        // An app without an owner has little left to try.
        address caller = luck % 8 == 0 ? mostlyOwner(who) : _people[2];
        bool expected = caller == model.owner() && model.frozen(Kinds.COMPOSE_HASH);
        if (expected) model.hand(address(0));
        make(caller, abi.encodeCall(app.renounceOwnership, ()), expected, "renounce");
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      ONE STEP
    //////////////////////////////////////////////////////////////////////////*/

    function make(address caller, bytes memory call, bool expected, bytes32 what) private {
        uint256 notice = app.noticePeriod();
        bytes32 root = app.historyRoot();
        vm.prank(caller);
        (bool success,) = address(app).call(call);
        assertEq(success, expected, string(abi.encodePacked(what)));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (!success) return; // nothing can have changed
        naive.take(logs);
        // Something changed exactly if the history says so.
        assertEq(root != app.historyRoot(), logs.length != 0);
        checkAnnouncements(logs, notice);
        uint256 now_ = accepted();
        // Only activation widens: nobody else's call, the guardian's least of all.
        if (what != "activate") assertEq(now_ & ~_accepted, 0, "accepted set grew");
        _accepted = now_;
        listen();
    }

    function checkAnnouncements(Vm.Log[] memory logs, uint256 notice) private view {
        for (uint256 i = 0; i < logs.length; ++i) {
            uint256 ripe;
            uint256 expires;
            if (logs[i].topics[0] == IAppAuth.Proposed.selector) {
                (ripe, expires) = abi.decode(logs[i].data, (uint256, uint256));
            } else if (logs[i].topics[0] == IAppAuth.ComposeHashProposed.selector) {
                (ripe, expires,,) = abi.decode(logs[i].data, (uint256, uint256, bytes32, string));
            } else {
                continue;
            }
            assertEq(ripe, block.timestamp + notice);
            assertGe(ripe, block.timestamp + _FLOOR);
            assertEq(expires, ripe + _GRACE);
        }
    }

    /// Asks for every `earliest`, and holds what came into force against what was told before.
    function listen() private {
        for (uint256 i = 0; i < _values.length; ++i) {
            uint256 told = app.earliest(_values[i].kind, _values[i].value);
            bool inForce = told == 0;
            if (inForce && !_wasInForce[i]) {
                assertGe(block.timestamp, _told[i], "earliest lied");
            }
            _wasInForce[i] = inForce;
            if (inForce || told == type(uint256).max) continue;
            assertGe(told, block.timestamp);
            // Never earlier than told before: only narrowings and time move it, and only away.
            if (told > _told[i]) _told[i] = told;
        }
    }

    /// The accepted set over a small world, one bit for each boot info.
    function accepted() private view returns (uint256 set) {
        IDstackAppAuth.AppBootInfo memory info;
        info.appId = address(app);
        for (uint256 i = 0; i < 54; ++i) {
            info.composeHash = _values[3 * (i % 3)].value;
            info.deviceId = _values[1 + 3 * (i / 3 % 3)].value;
            info.osImageHash = _values[2 + 3 * (i / 9 % 3)].value;
            info.tcbStatus = i < 27 ? "UpToDate" : "OutOfDate";
            (bool allowed,) = app.isAppAllowed(info);
            if (allowed) set |= 1 << i;
        }
    }

    /*//////////////////////////////////////////////////////////////////////////
                                       CHOICE
    //////////////////////////////////////////////////////////////////////////*/

    function person(uint256 seed) private view returns (address) {
        return _people[seed % 4];
    }

    function mostlyOwner(uint256 seed) private view returns (address) {
        address owner = model.owner();
        return seed % 8 < 4 || owner == address(0) ? person(seed) : owner;
    }

    function any(uint256 seed) private view returns (Value memory) {
        return _values[seed % _values.length];
    }

    /// One that is pending if there is one, else any.
    function pendingOne(uint256 seed) private view returns (Value memory) {
        uint256 count = _values.length;
        for (uint256 i = 0; i < count; ++i) {
            Value memory it = _values[(seed % count + i) % count];
            if (model.row(it.kind, it.value).pending) return it;
        }
        return any(seed);
    }

    function pendingInCrowd() external view returns (uint256 count) {
        for (uint256 i = 0; i < _crowd.length; ++i) {
            if (app.ripeAt(Kinds.COMPOSE_HASH, _crowd[i]) != 0) ++count;
        }
    }

    function values() external view returns (Value[] memory) {
        return _values;
    }
}
