// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {IDstackAppAuth} from "../../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../../libraries/Kinds.sol";
import {Value} from "../helpers/AppValues.sol";
import {HistoryReference} from "../helpers/HistoryReference.sol";
import {AppModel} from "./AppModel.sol";
import {Test} from "forge-std/Test.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice Everybody who can touch an app, and time. Each call is made for real, whether the rules let
/// it through or not; that it succeeds exactly when the model says so is asserted on the spot, and so
/// are the properties that concern a single step.
///
/// Values are few, so that calls meet; time jumps mostly to the seconds at which something changes what
/// it is; and besides single calls there are plays of several, the known ways around a notice, with
/// whatever else goes on between and beside them.
contract AppAuthHandler is Test {
    uint256 private constant _GRACE = 14 days;
    uint256 private constant _FLOOR = 2 days;
    uint256 private constant _NEVER = type(uint256).max;
    bytes32 private constant _ONE = bytes32(uint256(1));

    AppAuth public immutable app;
    AppModel public immutable model;
    HistoryReference public immutable naive;

    /// Owner, guardian, stranger, and the thief, who holds the owner's key for a while.
    address[4] private _people =
        [address(0x0123), address(0x4567), address(0x89ab), address(0xcdef)];
    bytes32[2] private _names;
    Value[] private _values;
    /// Compose hashes that only fill the list of pending ones.
    bytes32[] private _crowd;
    /// The latest finite `earliest` told of each value since it was last in force: a promise.
    mapping(uint256 index => uint256) private _promised;
    /// It was told that the value can never come without a narrowing, and there was none since.
    mapping(uint256 index => bool) private _never;
    mapping(uint256 index => bool) private _wasInForce;
    /// Since anybody last listened, somebody narrowed something.
    bool private _narrowed;
    uint256 private _accepted;

    uint256 public steps;
    /// How often something rare happened, by what it was.
    mapping(bytes32 what => uint256) public seen;

    constructor(IAppAuth.Settings memory settings, bytes32[2] memory names) {
        vm.recordLogs();
        app = new AppAuth(settings);
        naive = new HistoryReference(address(app));
        naive.take(vm.getRecordedLogs());
        model = new AppModel(settings.owner, settings.guardian, settings.noticePeriod);
        _names = names;
        for (uint256 i = 0; i < 2; ++i) {
            _values.push(Value(Kinds.COMPOSE_HASH, names[i]));
            _values.push(Value(Kinds.DEVICE, names[i]));
            _values.push(Value(Kinds.OS_IMAGE, names[i]));
        }
        _values.push(Value(Kinds.ANY_DEVICE, _ONE));
        _values.push(Value(Kinds.TCB_REQUIREMENT, 0));
        _values.push(Value(Kinds.ANY_OS_IMAGE, _ONE));
        uint256[4] memory notices = [uint256(2 days), 3 days, 7 days, 8 days];
        for (uint256 i = 0; i < 4; ++i) {
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

    /// A step of the campaign ends with a look at what it did.
    modifier step() {
        _;
        listen();
        ++steps;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                        TIME
    //////////////////////////////////////////////////////////////////////////*/

    function wait(uint256 seconds_) external step {
        pass(block.timestamp + bound(seconds_, 0, 4 days));
    }

    /// To a second at which something pending changes what it is, or to one beside it, and whoever
    /// wants to make something of that second.
    function waitFor(uint256 which, uint256 edge, uint256 who, uint256 what) external step {
        Value memory it = pendingOne(which);
        toTheEdge(it, edge % 8 < 6 ? edge % 2 : 2 + edge % 2);
        tryAtTheEdge(it, who, what);
    }

    /// 0: the last second too soon. 1: the first of ripeness. 2: the last of it. 3: the first of death.
    function toTheEdge(Value memory it, uint256 edge) private {
        AppModel.Row memory row = model.row(it.kind, it.value);
        if (!row.pending) return;
        uint256 time = row.ripeAt + (edge < 2 ? 0 : _GRACE) - (edge % 2 == 0 ? 1 : 0);
        if (time > block.timestamp) pass(time);
    }

    function tryAtTheEdge(Value memory it, uint256 who, uint256 what) private {
        if (what % 4 == 0) tryCancel(_people[2], it, what);
        tryActivate(person(who), it, what);
        if (what % 4 == 1) tryPropose(mostlyOwner(who), it, what);
        if (what % 4 == 2) tryCancel(_people[2], it, what);
    }

    /// What is promised before time passes counts, and what is promised at the last second of it: what
    /// is told with a notice still to run grows with every second, and lies the more.
    function pass(uint256 time) private {
        listen();
        vm.roll(block.number + 1);
        if (time > block.timestamp + 1) {
            vm.warp(time - 1);
            listen();
        }
        vm.warp(time);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                       PEOPLE
    //////////////////////////////////////////////////////////////////////////*/

    function propose(uint256 who, uint256 which, uint256 way) external step {
        tryPropose(mostlyOwner(who), any(which), way);
    }

    /// Compose hashes up to the limit of pending ones, and one more.
    function proposeMany(uint256 who, uint256 luck) external step {
        if (luck % 4 != 0) return;
        address caller = mostlyOwner(who);
        bool expected = true;
        for (uint256 i = 0; i < 17 && expected; ++i) {
            bytes32 hash = keccak256(abi.encode("crowd", block.timestamp, _crowd.length));
            expected = model.mayPropose(caller, Kinds.COMPOSE_HASH, hash);
            if (expected) {
                model.propose(Kinds.COMPOSE_HASH, hash);
                _crowd.push(hash);
            }
            make(caller, abi.encodeCall(app.propose, (1, hash)), expected, "propose many", false);
        }
        if (model.pendingCount() == 16) ++seen["sixteen pending"];
    }

    /// Out of the crowd again: the guardian at any time, anybody once it is dead.
    function cancelMany(uint256 who, uint256 count) external step {
        address caller = person(who);
        for (count = count % 17; count != 0 && _crowd.length != 0; --count) {
            bytes32 hash = _crowd[_crowd.length - 1];
            bool expected = model.mayCancel(caller, Kinds.COMPOSE_HASH, hash);
            if (expected) {
                model.withdraw(Kinds.COMPOSE_HASH, hash);
                _crowd.pop();
            }
            bytes memory call = abi.encodeCall(app.cancelComposeHash, (hash));
            make(caller, call, expected, "cancel many", false);
            if (!expected) return;
        }
    }

    function activate(uint256 who, uint256 which, uint256 way) external step {
        tryActivate(person(who), way % 8 == 0 ? any(which) : pendingOne(which), way);
    }

    function cancel(uint256 who, uint256 which, uint256 way) external step {
        // Seldom by those who may, or nothing would ever ripen.
        Value memory it = way % 8 == 0 ? any(which) : pendingOne(which);
        tryCancel(way % 3 == 0 ? person(who) : _people[2], it, way);
    }

    function remove(uint256 who, uint256 which, uint256 way) external step {
        // The first seven are those that can be removed.
        Value memory it = way / 2 % 2 == 0 ? any(which) : pendingOne(which % 7);
        tryRemove(who % 4 == 0 ? person(who / 4) : _people[1], it, way);
    }

    function requireTcb(uint256 who) external step {
        address caller = person(who);
        bool expected = caller == model.owner();
        if (expected) model.remove(Kinds.TCB_REQUIREMENT, 0);
        make(caller, abi.encodeCall(app.setRequireTcbUpToDate, (true)), expected, "require", true);
    }

    function pin(uint256 who, uint256 first, uint256 count) external step {
        tryPin(mostlyOwner(who), first, count);
    }

    function increase(uint256 who, uint256 which) external step {
        uint256[6] memory notices = [uint256(3 days), 7 days, 8 days, 30 days, 30 days + 1, 1 days];
        // A month makes everything slow: seldom.
        tryIncrease(mostlyOwner(who), notices[which % 8 == 3 ? 3 : which % 3 == 0 ? which % 6 : 2]);
    }

    function name(uint256 who, uint256 whom) external step {
        tryName(mostlyOwner(who), person(whom));
    }

    /// The thief offers the ownership to himself; the owner may still get it back.
    function offer(uint256 who, uint256 whom) external step {
        address caller = mostlyOwner(who);
        address to = whom % 5 == 0 ? address(0) : person(whom);
        bool expected = caller == model.owner();
        if (expected) model.offer(to);
        make(caller, abi.encodeCall(app.transferOwnership, (to)), expected, "offer", false);
    }

    function accept(uint256 who) external step {
        address caller = person(who);
        bool expected = caller == model.pendingOwner();
        if (expected) model.hand(caller);
        make(caller, abi.encodeCall(app.acceptOwnership, ()), expected, "accept", false);
    }

    function renounce(uint256 who, uint256 luck) external step {
        // An app without an owner has little left to try, and its compose hashes must be frozen.
        if (luck % 16 == 0) {
            Value memory door = Value(Kinds.FREEZE, bytes32(uint256(Kinds.COMPOSE_HASH)));
            tryPropose(thief(), door, luck);
            toTheEdge(door, 1);
            tryActivate(_people[2], door, luck);
        }
        address caller = luck % 8 == 0 ? mostlyOwner(who) : _people[2];
        bool expected = caller == model.owner() && model.frozen(Kinds.COMPOSE_HASH);
        if (expected) model.hand(address(0));
        make(caller, abi.encodeCall(app.renounceOwnership, ()), expected, "renounce", false);
        if (expected) ++seen["owner gone"];
    }

    /*//////////////////////////////////////////////////////////////////////////
                                       PLAYS
    //////////////////////////////////////////////////////////////////////////*/

    /// The ways into force that lead through another value: whoever has the owner's key plays them to
    /// the end. A step that the rules refuse is refused, and the play goes on.
    function roundabout(uint256 way, uint256 which, uint256 edge, uint256 luck) external step {
        address owner = thief();
        Value memory door = doorOf(way);
        Value memory goal = luck / 4 % 4 == 0 ? any(which) : goalOf(door, which);
        // In either order, so that what was announced beside the door is older or younger than it.
        if (luck % 2 == 0) tryPropose(owner, goal, luck);
        tryPropose(owner, door, luck);
        if (luck % 2 == 1) tryPropose(owner, goal, luck);
        toTheEdge(door, edge % 8 == 0 ? 2 : 1);
        tryActivate(person(luck), door, luck);
        // While the door is open the goal means nothing, however ripe.
        if (luck % 7 < 2) tryActivate(person(luck), goal, luck);
        if (door.kind == Kinds.ANY_OS_IMAGE) tryPin(owner, which, luck);
        if (door.kind == Kinds.GUARDIAN) tryName(owner, person(which));
        if (door.kind == Kinds.NOTICE_PERIOD && luck % 3 == 0) tryIncrease(owner, 3 days);
        if (door.kind == Kinds.NOTICE_PERIOD && luck % 3 == 1) {
            tryPropose(owner, goal, luck);
            toTheEdge(goal, 1);
        }
        tryActivate(person(luck), goal, luck);
        if (luck % 5 == 0) tryRemove(_people[1], goal, luck);
    }

    function doorOf(uint256 way) private view returns (Value memory) {
        way = way % 16;
        if (way < 5) return Value(Kinds.ANY_OS_IMAGE, _ONE);
        if (way < 9) return Value(Kinds.GUARDIAN, 0);
        if (way < 13) return Value(Kinds.NOTICE_PERIOD, bytes32(_FLOOR));
        return Value(Kinds.FREEZE, bytes32(1 + way % 8));
    }

    function goalOf(Value memory door, uint256 which) private view returns (Value memory) {
        if (door.kind == Kinds.ANY_OS_IMAGE) return Value(Kinds.OS_IMAGE, _names[which % 2]);
        if (door.kind == Kinds.GUARDIAN) {
            return Value(Kinds.GUARDIAN, model.word(_people[1 + which % 3]));
        }
        return any(which);
    }

    /// A freeze that comes in between: the value and its setting's freeze are announced, the freeze is
    /// in force first, and the value is ripe.
    function freezeOver(uint256 which, uint256 luck) external step {
        if (luck % 4 != 0) return;
        address owner = thief();
        Value memory goal = any(which);
        if (goal.kind == Kinds.FREEZE) return;
        Value memory door = Value(Kinds.FREEZE, bytes32(uint256(goal.kind)));
        tryPropose(owner, goal, luck);
        tryPropose(owner, door, luck);
        toTheEdge(door, 1);
        tryActivate(_people[2], door, luck);
        tryActivate(_people[2], goal, luck);
        tryCancel(_people[2], goal, luck);
    }

    /// Nothing at all happens to an announcement until long after its death, and then everything.
    function lieInWait(uint256 which, uint256 edge, uint256 who, uint256 what) external step {
        if (edge % 4 != 0) return;
        Value memory it = any(which);
        tryPropose(thief(), it, what);
        toTheEdge(it, 2 + edge / 4 % 2);
        tryAtTheEdge(it, who, what);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     ONE CALL
    //////////////////////////////////////////////////////////////////////////*/

    function tryPropose(address caller, Value memory it, uint256 way) private {
        bool expected = model.mayPropose(caller, it.kind, it.value);
        bytes memory call = abi.encodeCall(app.propose, (it.kind, it.value));
        if (it.kind == Kinds.COMPOSE_HASH && way % 3 == 1) {
            call = abi.encodeWithSignature("proposeComposeHash(bytes32)", it.value);
        } else if (it.kind == Kinds.COMPOSE_HASH && way % 3 == 2) {
            call = abi.encodeWithSignature(
                "proposeComposeHash(bytes32,bytes32,string)", it.value, bytes32(way), "ipfs://"
            );
        }
        if (expected) {
            if (model.row(it.kind, it.value).pending) ++seen["dead one replaced"];
            model.propose(it.kind, it.value);
        }
        make(caller, call, expected, "propose", false);
    }

    function tryActivate(address caller, Value memory it, uint256 way) private {
        bool expected = model.mayActivate(it.kind, it.value);
        countActivation(it, expected);
        bytes memory call = abi.encodeCall(app.activate, (it.kind, it.value));
        if (it.kind == Kinds.COMPOSE_HASH && way % 3 == 1) {
            call = abi.encodeCall(app.activateComposeHash, (it.value));
        }
        // In force already: from a stock setter a success without effect.
        bool silent = false;
        if (way % 3 == 0 && it.kind <= Kinds.TCB_REQUIREMENT) {
            silent = model.inForce(it.kind, it.value);
            call = stockCall(it);
        }
        if (expected) model.activate(it.kind, it.value);
        make(caller, call, expected || silent, "activate", false);
    }

    function stockCall(Value memory it) private view returns (bytes memory) {
        if (it.kind == Kinds.COMPOSE_HASH) return abi.encodeCall(app.addComposeHash, (it.value));
        if (it.kind == Kinds.DEVICE) return abi.encodeCall(app.addDevice, (it.value));
        if (it.kind == Kinds.ANY_DEVICE) return abi.encodeCall(app.setAllowAnyDevice, (true));
        return abi.encodeCall(app.setRequireTcbUpToDate, (false));
    }

    function countActivation(Value memory it, bool expected) private {
        AppModel.Row memory row = model.row(it.kind, it.value);
        if (!row.pending) return;
        uint256 time = block.timestamp;
        if (expected && time == row.ripeAt) ++seen["activated in its first second"];
        if (expected && time == row.ripeAt + _GRACE - 1) ++seen["activated in its last second"];
        if (expected) return;
        if (time == row.ripeAt - 1) ++seen["refused a second too soon"];
        if (time == row.ripeAt + _GRACE) ++seen["refused a second too late"];
        if (time < row.ripeAt || time >= row.ripeAt + _GRACE) return;
        if (model.frozen(it.kind)) ++seen["refused as frozen"];
        else ++seen["refused as no widening any more"];
    }

    function tryCancel(address caller, Value memory it, uint256 way) private {
        bool expected = model.mayCancel(caller, it.kind, it.value);
        bytes memory call = abi.encodeCall(app.cancel, (it.kind, it.value));
        if (it.kind == Kinds.COMPOSE_HASH && way % 2 == 0) {
            call = abi.encodeCall(app.cancelComposeHash, (it.value));
        }
        if (expected) {
            if (caller == _people[2]) ++seen["dead one cleared by a stranger"];
            model.withdraw(it.kind, it.value);
        }
        make(caller, call, expected, "cancel", false);
    }

    function tryRemove(address caller, Value memory it, uint256 way) private {
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
        if (expected) {
            AppModel.Row memory row = model.row(it.kind, it.value);
            if (row.pending) ++seen["removed what was pending"];
            model.remove(it.kind, it.value);
        }
        make(caller, call, expected, "remove", true);
    }

    function tryPin(address caller, uint256 first, uint256 count) private {
        bytes32[] memory images = new bytes32[](count % 3);
        for (uint256 i = 0; i < images.length; ++i) {
            images[i] = _names[(first % 2 + i) % 2];
        }
        bool expected = caller == model.owner() && !model.pinned() && images.length != 0;
        if (expected) {
            for (uint256 i = 0; i < images.length; ++i) {
                if (model.row(Kinds.OS_IMAGE, images[i]).pending) {
                    ++seen["pinned what was pending"];
                }
                model.withdraw(Kinds.OS_IMAGE, images[i]);
                model.allow(Kinds.OS_IMAGE, images[i]);
            }
        }
        make(caller, abi.encodeCall(app.pinOsImages, (images)), expected, "pin", true);
    }

    function tryIncrease(address caller, uint256 notice) private {
        bool expected = model.mayIncrease(caller, notice);
        if (expected) model.increase(notice);
        bytes memory call = abi.encodeCall(app.increaseNoticePeriod, (uint32(notice)));
        make(caller, call, expected, "increase", true);
    }

    function tryName(address caller, address guardian) private {
        bool expected = caller == model.owner() && model.guardian() == address(0);
        bytes32 value = model.word(guardian);
        if (expected) {
            if (model.row(Kinds.GUARDIAN, value).pending) ++seen["named what was pending"];
            model.withdraw(Kinds.GUARDIAN, value);
            model.allow(Kinds.GUARDIAN, value);
        }
        make(caller, abi.encodeCall(app.setGuardian, (guardian)), expected, "name", true);
    }

    function make(address caller, bytes memory call, bool expected, bytes32 what, bool narrows)
        private
    {
        uint256 notice = app.noticePeriod();
        bytes32 root = app.historyRoot();
        vm.prank(caller);
        (bool success,) = address(app).call(call);
        assertEq(success, expected, string(abi.encodePacked(what)));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        // Something changed exactly if the history says so; a refusal leaves nothing.
        assertEq(root != app.historyRoot(), logs.length != 0);
        if (logs.length == 0) return;
        naive.take(logs);
        checkAnnouncements(logs, notice);
        uint256 now_ = accepted();
        // Only activation widens: nobody else's call, the guardian's least of all.
        if (what != "activate") assertEq(now_ & ~_accepted, 0, "accepted set grew");
        _accepted = now_;
        _narrowed = _narrowed || narrows;
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

    /// Asks for every `earliest`, and holds it against all that was told before: whatever comes into
    /// force does so no sooner than any earlier answer had it, no answer is ever sooner than one before
    /// it, and what can never come needs a narrowing first.
    function listen() private {
        uint256[] memory expected = model.earliestOf(_values);
        for (uint256 i = 0; i < expected.length; ++i) {
            uint256 told = app.earliest(_values[i].kind, _values[i].value);
            assertEq(told, expected[i], "earliest");
            bool inForce = told == 0;
            if (_never[i] && !_narrowed) assertEq(told, _NEVER, "never came without a narrowing");
            if (inForce && !_wasInForce[i]) {
                assertGe(block.timestamp, _promised[i], "sooner than promised");
                _promised[i] = 0;
            }
            (_wasInForce[i], _never[i]) = (inForce, told == _NEVER);
            if (inForce || told == _NEVER) continue;
            assertGe(told, block.timestamp, "in the past");
            assertGe(told, _promised[i], "promises less than before");
            _promised[i] = told;
        }
        _narrowed = false;
    }

    /// The accepted set over a small world, one bit for each boot info, held against the model.
    function accepted() private view returns (uint256 set) {
        IDstackAppAuth.AppBootInfo memory info;
        info.appId = address(app);
        string[16] memory expected = model.reasons(_names);
        for (uint256 i = 0; i < 16; ++i) {
            info.composeHash = _names[i & 1];
            info.deviceId = _names[i >> 1 & 1];
            info.osImageHash = _names[i >> 2 & 1];
            info.tcbStatus = i < 8 ? "UpToDate" : "OutOfDate";
            (bool allowed, string memory reason) = app.isAppAllowed(info);
            assertEq(reason, expected[i]);
            assertEq(allowed, bytes(reason).length == 0);
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
        return seed % 8 < 2 ? person(seed) : thief();
    }

    /// The owner's address, as long as there is one: nobody calls from address zero.
    function thief() private view returns (address) {
        return model.owner() == address(0) ? _people[3] : model.owner();
    }

    /// Freezes are many and leave less to do: seldom.
    function any(uint256 seed) private view returns (Value memory) {
        return _values[seed % 8 == 0 ? seed / 8 % _values.length : seed / 8 % 17];
    }

    /// One that is pending if there is one, else any.
    function pendingOne(uint256 seed) private view returns (Value memory) {
        return _values[model.pendingFrom(_values, seed % _values.length)];
    }

    function crowd() external view returns (bytes32[] memory) {
        return _crowd;
    }

    function values() external view returns (Value[] memory) {
        return _values;
    }
}
