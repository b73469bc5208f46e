// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {IDstackAppAuth} from "../../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../../libraries/Kinds.sol";
import {isInForce} from "./AppValues.sol";
import {Test} from "forge-std/Test.sol";

/// @notice An app as strict as one can be born, so that every setting has something left to widen.
abstract contract AppAuthFixture is Test {
    address internal constant OWNER = address(0x0123);
    address internal constant GUARDIAN = address(0x4567);
    address internal constant STRANGER = address(0x89ab);
    address internal constant SUCCESSOR = address(0xcdef);

    bytes32 internal constant HASH = keccak256("compose v1");
    bytes32 internal constant NEW_HASH = keccak256("compose v2");
    bytes32 internal constant DEVICE = keccak256("device 1");
    bytes32 internal constant NEW_DEVICE = keccak256("device 2");
    bytes32 internal constant IMAGE = keccak256("image 1");
    bytes32 internal constant NEW_IMAGE = keccak256("image 2");
    bytes32 internal constant ONE = bytes32(uint256(1));

    uint256 internal constant START = 1_790_000_000;
    uint256 internal constant FIRST_BLOCK = 20_000_000;
    uint32 internal constant NOTICE = 7 days;
    uint32 internal constant FLOOR = 2 days;
    uint32 internal constant CEILING = 30 days;
    uint256 internal constant GRACE = 14 days;
    uint256 internal constant NEVER = type(uint256).max;

    AppAuth internal app;

    function setUp() public virtual {
        vm.warp(START);
        vm.roll(FIRST_BLOCK);
        app = new AppAuth(strict());
    }

    function strict() internal pure returns (IAppAuth.Settings memory) {
        return IAppAuth.Settings({
            owner: OWNER,
            guardian: GUARDIAN,
            noticePeriod: NOTICE,
            allowAnyDevice: false,
            requireTcbUpToDate: true,
            composeHashes: list(HASH),
            devices: list(DEVICE),
            osImages: list(IMAGE)
        });
    }

    /// The other end: all that a setting can give is given, and there is no guardian.
    function loose() internal pure returns (IAppAuth.Settings memory settings) {
        settings.owner = OWNER;
        settings.noticePeriod = NOTICE;
        settings.allowAnyDevice = true;
        settings.composeHashes = list(HASH);
    }

    function list(bytes32 only) internal pure returns (bytes32[] memory values) {
        values = new bytes32[](1);
        values[0] = only;
    }

    function list(bytes32 first, bytes32 second) internal pure returns (bytes32[] memory values) {
        values = new bytes32[](2);
        (values[0], values[1]) = (first, second);
    }

    /// A value of each setting that would widen the strict app.
    function widening(uint8 kind) internal pure returns (bytes32) {
        if (kind == Kinds.COMPOSE_HASH) return NEW_HASH;
        if (kind == Kinds.DEVICE) return NEW_DEVICE;
        if (kind == Kinds.ANY_DEVICE) return ONE;
        if (kind == Kinds.TCB_REQUIREMENT) return 0;
        if (kind == Kinds.OS_IMAGE) return NEW_IMAGE;
        if (kind == Kinds.ANY_OS_IMAGE) return ONE;
        if (kind == Kinds.NOTICE_PERIOD) return bytes32(uint256(3 days));
        if (kind == Kinds.GUARDIAN) return word(SUCCESSOR);
        return bytes32(uint256(Kinds.DEVICE)); // FREEZE
    }

    function anyKind(uint256 seed) internal pure returns (uint8) {
        return uint8(bound(seed, Kinds.COMPOSE_HASH, Kinds.FREEZE));
    }

    function inForce(uint8 kind, bytes32 value) internal view returns (bool) {
        return isInForce(app, kind, value);
    }

    function propose(uint8 kind, bytes32 value) internal {
        vm.prank(OWNER);
        app.propose(kind, value);
    }

    /// Announces a value and waits until it is ripe.
    function ripen(uint8 kind, bytes32 value) internal {
        propose(kind, value);
        vm.warp(app.ripeAt(kind, value));
    }

    /// Announces a value, waits, and puts it in force.
    function widen(uint8 kind, bytes32 value) internal {
        ripen(kind, value);
        app.activate(kind, value);
    }

    function freeze(uint8 kind) internal {
        widen(Kinds.FREEZE, bytes32(uint256(kind)));
    }

    function bootInfo() internal view returns (IDstackAppAuth.AppBootInfo memory info) {
        info.appId = address(app);
        info.composeHash = HASH;
        info.instanceId = address(0x1357);
        info.deviceId = DEVICE;
        info.osImageHash = IMAGE;
        info.tcbStatus = "UpToDate";
    }

    function word(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    function seedOf(address app_) internal view returns (bytes32) {
        return keccak256(abi.encode(keccak256("devproof AppAuth history v1"), block.chainid, app_));
    }

    function extended(bytes32 root, uint8 kind, bytes32 value, address actor)
        internal
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(root, kind, value, actor, block.number, block.timestamp));
    }

    /// The next event is the history's entry for this.
    function expectEntry(uint8 kind, bytes32 value, address actor) internal {
        bytes32 root = extended(app.historyRoot(), kind, value, actor);
        vm.expectEmit(address(app));
        emit IAppAuth.HistoryExtended(root, kind, value, actor);
    }

    function expectNotOwner(address account) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IAppAuth.OwnableUnauthorizedAccount.selector, account)
        );
    }

    function expectNotOwnerOrGuardian(address account) internal {
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.NotOwnerOrGuardian.selector, account));
    }

    /// For the errors that carry a setting and a value and nothing else.
    function expectRevertOf(bytes4 selector, uint8 kind, bytes32 value) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, kind, value));
    }

    function expectRevertOf(bytes4 selector, uint8 kind, bytes32 value, uint256 time) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, kind, value, time));
    }
}
