// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IDstackAppAuthManagement} from "../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthTestBuild} from "../local/AppAuthTestBuild.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";
import {Vm} from "forge-std/Vm.sol";

contract AppAuthBirthTest is AppAuthFixture {
    /*//////////////////////////////////////////////////////////////////////////
                                  CONSTRUCTOR
    //////////////////////////////////////////////////////////////////////////*/

    /// As a call: a test would end with the first creation that is expected to revert.
    function bear(IAppAuth.Settings calldata settings) external returns (AppAuth) {
        return new AppAuth(settings);
    }

    function test_Constructor_RevertWhen_TheOwnerIsZero() public {
        IAppAuth.Settings memory settings = strict();
        settings.owner = address(0);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.OwnableInvalidOwner.selector, address(0)));
        this.bear(settings);
    }

    function test_Constructor_WhenTheNoticeIsAnyNumber(uint32 notice) public {
        IAppAuth.Settings memory settings = strict();
        settings.noticePeriod = notice;
        if (notice < FLOOR || notice > CEILING) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IAppAuth.NoticePeriodOutOfRange.selector, notice, FLOOR, CEILING
                )
            );
        }
        this.bear(settings);
    }

    function test_Constructor_WhenTheNoticeIsAtItsBounds() public {
        test_Constructor_WhenTheNoticeIsAnyNumber(FLOOR - 1);
        test_Constructor_WhenTheNoticeIsAnyNumber(FLOOR);
        test_Constructor_WhenTheNoticeIsAnyNumber(CEILING);
        test_Constructor_WhenTheNoticeIsAnyNumber(CEILING + 1);
        test_Constructor_WhenTheNoticeIsAnyNumber(0);
    }

    function test_Constructor_RevertWhen_AListHoldsZero() public {
        IAppAuth.Settings memory settings = strict();
        settings.composeHashes = list(HASH, 0);
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.COMPOSE_HASH, 0);
        this.bear(settings);
        settings = strict();
        settings.devices = list(0);
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.DEVICE, 0);
        this.bear(settings);
        settings = strict();
        settings.osImages = list(IMAGE, 0);
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.OS_IMAGE, 0);
        this.bear(settings);
    }

    function test_Constructor_WhenAListRepeatsItself() public {
        IAppAuth.Settings memory settings = strict();
        settings.composeHashes = list(HASH, HASH);
        settings.devices = list(DEVICE, DEVICE);
        settings.osImages = list(IMAGE, IMAGE);
        vm.recordLogs();
        app = new AppAuth(settings);
        assertEq(vm.getRecordedLogs().length, 16);
    }

    function test_Constructor_WhenTheSettingsAreStrict() public view {
        assertEq(app.owner(), OWNER);
        assertEq(app.pendingOwner(), address(0));
        assertEq(app.guardian(), GUARDIAN);
        assertEq(app.noticePeriod(), NOTICE);
        assertEq(app.getTimelock(), NOTICE);
        assertFalse(app.allowAnyDevice());
        assertTrue(app.requireTcbUpToDate());
        assertTrue(app.osImagesPinned());
        assertTrue(app.allowedComposeHashes(HASH));
        assertTrue(app.allowedDeviceIds(DEVICE));
        assertTrue(app.allowedOsImages(IMAGE));
        assertTrue(app.allowedAt(HASH, START));
        assertFalse(app.allowedAt(HASH, START - 1));
        assertEq(app.pendingCount(), 0);
        for (uint8 kind = 0; kind < 32; ++kind) {
            assertFalse(app.isFrozen(kind));
        }
    }

    function test_Constructor_WhenTheSettingsAreLoose() public {
        vm.recordLogs();
        app = new AppAuth(loose());
        // Owner, notice, any device, TCB, compose hash, each with its entry; nothing about a guardian.
        assertEq(vm.getRecordedLogs().length, 10);
        assertEq(app.guardian(), address(0));
        assertTrue(app.allowAnyDevice());
        assertFalse(app.requireTcbUpToDate());
        assertFalse(app.osImagesPinned());
        assertFalse(app.allowedOsImages(IMAGE));
        // An epoch nobody wrote to a list must not read as being on it.
        assertFalse(app.allowedOsImages(0));
    }

    /// Every event of a birth in its order, the stock ones with the stock layout: unindexed.
    function test_Constructor_ShouldEmitEverySettingAndExtendTheHistoryByIt() public {
        vm.recordLogs();
        app = new AppAuth(strict());
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 16);
        bytes32 root = seedOf(address(app));
        Entry[8] memory entries = birthEntries();
        for (uint256 i = 0; i < 8; ++i) {
            assertEq(logs[2 * i].topics[0], entries[i].topic);
            assertEq(logs[2 * i].topics.length, entries[i].topics);
            assertEq(logs[2 * i].data, entries[i].data);
            root = extended(root, entries[i].kind, entries[i].value, address(this));
            assertEq(logs[2 * i + 1].topics[0], IAppAuth.HistoryExtended.selector);
            assertEq(logs[2 * i + 1].topics[1], root);
            assertEq(
                logs[2 * i + 1].data, abi.encode(entries[i].kind, entries[i].value, address(this))
            );
        }
        assertEq(app.historyRoot(), root);
    }

    struct Entry {
        bytes32 topic;
        uint256 topics;
        bytes data;
        uint8 kind;
        bytes32 value;
    }

    function birthEntries() private pure returns (Entry[8] memory entries) {
        entries[0] = Entry(IAppAuth.OwnershipTransferred.selector, 3, "", 0x3a, word(OWNER));
        entries[1] = Entry(IAppAuth.GuardianSet.selector, 2, "", 0x38, word(GUARDIAN));
        bytes32 notice = bytes32(uint256(NOTICE));
        entries[2] = Entry(IAppAuth.NoticePeriodSet.selector, 1, abi.encode(notice), 0x37, notice);
        entries[3] = Entry(
            IDstackAppAuthManagement.AllowAnyDeviceSet.selector, 1, abi.encode(false), 0x33, 0
        );
        entries[4] = Entry(
            IDstackAppAuthManagement.RequireTcbUpToDateSet.selector, 1, abi.encode(true), 0x34, ONE
        );
        entries[5] = Entry(
            IDstackAppAuthManagement.ComposeHashAdded.selector, 1, abi.encode(HASH), 0x31, HASH
        );
        entries[6] = Entry(
            IDstackAppAuthManagement.DeviceAdded.selector, 1, abi.encode(DEVICE), 0x32, DEVICE
        );
        entries[7] = Entry(IAppAuth.OsImageAdded.selector, 1, abi.encode(IMAGE), 0x35, IMAGE);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      CODE
    //////////////////////////////////////////////////////////////////////////*/

    /// The code hash identifies the rules: it depends on no setting, the test build's differs.
    function test_Code_ShouldBeTheSameWhateverTheSettingsAre(
        address owner,
        bool any,
        bytes32[] memory hashes
    ) public {
        vm.assume(owner != address(0));
        IAppAuth.Settings memory settings = loose();
        settings.owner = owner;
        settings.allowAnyDevice = any;
        for (uint256 i = 0; i < hashes.length; ++i) {
            if (hashes[i] == 0) hashes[i] = ONE;
        }
        settings.devices = hashes;
        AppAuth other = new AppAuth(settings);
        assertEq(address(other).codehash, address(app).codehash);
        assertEq(keccak256(vm.getDeployedCode("AppAuth.sol:AppAuth")), address(app).codehash);
    }

    function test_Code_ShouldBeAnotherOneInTheTestBuildWhichHasNoFloor() public {
        IAppAuth.Settings memory settings = strict();
        settings.noticePeriod = 0;
        AppAuthTestBuild build = new AppAuthTestBuild(settings);
        assertEq(build.minNoticePeriod(), 0);
        assertNotEq(address(build).codehash, address(app).codehash);
    }

    /// Tools prove slot 3 and read the others by number: the layout is part of the interface.
    function test_Code_ShouldKeepItsStorageLayout() public {
        assertEq(vm.load(address(app), bytes32(uint256(3))), app.historyRoot());
        propose(Kinds.NOTICE_PERIOD, bytes32(uint256(3 days)));
        vm.prank(OWNER);
        app.transferOwnership(SUCCESSOR);
        uint256 slot = uint256(vm.load(address(app), 0));
        assertEq(address(uint160(slot)), OWNER);
        assertEq(uint32(slot >> 160), NOTICE);
        assertEq(uint8(slot >> 192), 1); // pending
        assertEq(uint8(slot >> 200), 0); // any device
        assertEq(uint8(slot >> 208), 1); // TCB
        assertEq(uint8(slot >> 216), 1); // pinned
        assertEq(slot >> 224, 0); // frozen
        slot = uint256(vm.load(address(app), ONE));
        assertEq(address(uint160(slot)), GUARDIAN);
        assertEq(uint32(slot >> 160), 3 days);
        assertEq(slot >> 192, START + NOTICE);
        slot = uint256(vm.load(address(app), bytes32(uint256(2))));
        assertEq(address(uint160(slot)), SUCCESSOR);
        assertEq(slot >> 160, 1); // epoch
        assertEq(vm.load(address(app), bytes32(uint256(3))), app.historyRoot());
        // What is withdrawn leaves nothing behind.
        vm.prank(OWNER);
        app.cancel(Kinds.NOTICE_PERIOD, bytes32(uint256(3 days)));
        assertEq(vm.load(address(app), ONE), word(GUARDIAN));
    }

    function test_Code_ShouldKeepItsConstants() public view {
        assertEq(app.GRACE_PERIOD(), GRACE);
        assertEq(app.minNoticePeriod(), FLOOR);
        assertEq(app.MAX_NOTICE_PERIOD(), CEILING);
        assertEq(app.MAX_PENDING(), 16);
        assertEq(app.MAX_URI_LENGTH(), 1024);
        assertEq(app.HISTORY_DOMAIN(), keccak256("devproof AppAuth history v1"));
        assertEq(app.version(), 1);
    }
}
