// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IDstackAppAuth, IDstackAppAuthManagement} from "../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {LocalDstackApp} from "../local/LocalDstackApp.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";

/// @notice What tools made for the stock contract call: a silent success must mean "in force".
contract AppAuthDropInTest is AppAuthFixture {
    uint8[4] private kinds =
        [Kinds.COMPOSE_HASH, Kinds.DEVICE, Kinds.ANY_DEVICE, Kinds.TCB_REQUIREMENT];

    function set(uint8 kind, bytes32 value) private {
        if (kind == Kinds.COMPOSE_HASH) app.addComposeHash(value);
        else if (kind == Kinds.DEVICE) app.addDevice(value);
        else if (kind == Kinds.ANY_DEVICE) app.setAllowAnyDevice(true);
        else app.setRequireTcbUpToDate(false);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                 STOCK SETTERS
    //////////////////////////////////////////////////////////////////////////*/

    function test_StockSetters_RevertGiven_NothingIsPending(uint256 seed, address caller) public {
        uint8 kind = kinds[seed % 4];
        bytes32 value = widening(kind);
        expectRevertOf(IAppAuth.NoticeRequired.selector, kind, value, START + NOTICE);
        vm.prank(caller);
        set(kind, value);
    }

    function test_StockSetters_RevertGiven_TheNoticeRuns(uint256 seed, uint256 wait) public {
        uint8 kind = kinds[seed % 4];
        bytes32 value = widening(kind);
        propose(kind, value);
        skip(bound(wait, 0, NOTICE - 1));
        expectRevertOf(IAppAuth.NoticeNotElapsed.selector, kind, value, START + NOTICE);
        set(kind, value);
    }

    function test_StockSetters_GivenItIsRipe(uint256 seed, uint256 wait, address caller) public {
        uint8 kind = kinds[seed % 4];
        bytes32 value = widening(kind);
        propose(kind, value);
        skip(NOTICE + bound(wait, 0, GRACE - 1));
        bytes32 root = extended(app.historyRoot(), Kinds.SET | kind, value, caller);
        vm.prank(caller);
        set(kind, value);
        assertTrue(inForce(kind, value));
        assertEq(app.historyRoot(), root);
        assertEq(app.pendingCount(), 0);

        // Once more: success without effect.
        vm.recordLogs();
        set(kind, value);
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(app.historyRoot(), root);
    }

    function test_StockSetters_RevertGiven_ItIsDead(uint256 seed, uint32 wait) public {
        uint8 kind = kinds[seed % 4];
        bytes32 value = widening(kind);
        propose(kind, value);
        skip(NOTICE + GRACE + wait);
        expectRevertOf(IAppAuth.NoticeRequired.selector, kind, value, block.timestamp + NOTICE);
        set(kind, value);
    }

    function test_StockSetters_RevertWhen_TheValueIsZero() public {
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.COMPOSE_HASH, 0, NEVER);
        app.addComposeHash(0);
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.DEVICE, 0, NEVER);
        app.addDevice(0);
    }

    function test_StockSetters_GivenItIsInForce() public {
        vm.recordLogs();
        vm.startPrank(STRANGER);
        app.addComposeHash(HASH);
        app.addDevice(DEVICE);
        app = new AppAuth(loose());
        vm.getRecordedLogs();
        app.setAllowAnyDevice(true);
        app.setRequireTcbUpToDate(false);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    /*//////////////////////////////////////////////////////////////////////////
                               SUPPORTS INTERFACE
    //////////////////////////////////////////////////////////////////////////*/

    function test_SupportsInterface_WhenTheInterfaceIsOneOfTheThree() public view {
        assertEq(type(IDstackAppAuth).interfaceId, bytes4(0x1e079198));
        assertEq(type(IDstackAppAuthManagement).interfaceId, bytes4(0x8fd37527));
        assertTrue(app.supportsInterface(0x01ffc9a7));
        assertTrue(app.supportsInterface(0x1e079198));
        assertTrue(app.supportsInterface(0x8fd37527));
    }

    function test_SupportsInterface_WhenItIsAnyOther(bytes4 id) public view {
        vm.assume(id != 0x01ffc9a7 && id != 0x1e079198 && id != 0x8fd37527);
        assertFalse(app.supportsInterface(id));
        assertFalse(app.supportsInterface(0xffffffff));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    NUMBERS
    //////////////////////////////////////////////////////////////////////////*/

    /// Selectors and topics against the stand-in, which is checked against the stock numbers.
    function test_Numbers_ShouldBeThoseOfTheStockContractForCallsAndEvents() public view {
        LocalDstackApp stock;
        assertEq(app.isAppAllowed.selector, stock.isAppAllowed.selector);
        assertEq(app.addComposeHash.selector, stock.addComposeHash.selector);
        assertEq(app.removeComposeHash.selector, stock.removeComposeHash.selector);
        assertEq(app.addDevice.selector, stock.addDevice.selector);
        assertEq(app.removeDevice.selector, stock.removeDevice.selector);
        assertEq(app.setAllowAnyDevice.selector, stock.setAllowAnyDevice.selector);
        assertEq(app.setRequireTcbUpToDate.selector, stock.setRequireTcbUpToDate.selector);
        assertEq(app.allowedComposeHashes.selector, stock.allowedComposeHashes.selector);
        assertEq(app.allowedDeviceIds.selector, stock.allowedDeviceIds.selector);
        assertEq(app.allowAnyDevice.selector, stock.allowAnyDevice.selector);
        assertEq(app.requireTcbUpToDate.selector, stock.requireTcbUpToDate.selector);
        assertEq(app.owner.selector, stock.owner.selector);
        assertEq(app.pendingOwner.selector, stock.pendingOwner.selector);
        assertEq(app.transferOwnership.selector, stock.transferOwnership.selector);
        assertEq(app.acceptOwnership.selector, stock.acceptOwnership.selector);
        assertEq(
            IDstackAppAuthManagement.ComposeHashAdded.selector,
            LocalDstackApp.ComposeHashAdded.selector
        );
        assertEq(
            IDstackAppAuthManagement.ComposeHashRemoved.selector,
            LocalDstackApp.ComposeHashRemoved.selector
        );
        assertEq(IDstackAppAuthManagement.DeviceAdded.selector, LocalDstackApp.DeviceAdded.selector);
        assertEq(
            IDstackAppAuthManagement.DeviceRemoved.selector, LocalDstackApp.DeviceRemoved.selector
        );
        assertEq(
            IDstackAppAuthManagement.AllowAnyDeviceSet.selector,
            LocalDstackApp.AllowAnyDeviceSet.selector
        );
        assertEq(
            IDstackAppAuthManagement.RequireTcbUpToDateSet.selector,
            LocalDstackApp.RequireTcbUpToDateSet.selector
        );
    }

    /// Numbers that an index and its history depend on.
    function test_Numbers_ShouldKeepTheKindsOfSettingsAndEntries() public pure {
        assertEq(
            abi.encodePacked(
                Kinds.COMPOSE_HASH,
                Kinds.DEVICE,
                Kinds.ANY_DEVICE,
                Kinds.TCB_REQUIREMENT,
                Kinds.OS_IMAGE,
                Kinds.ANY_OS_IMAGE,
                Kinds.NOTICE_PERIOD,
                Kinds.GUARDIAN,
                Kinds.FREEZE,
                Kinds.OWNER,
                Kinds.PENDING_OWNER,
                Kinds.SOURCE
            ),
            hex"0102030405060708090a0b0c"
        );
        assertEq(
            abi.encodePacked(Kinds.PROPOSED, Kinds.CANCELLED, Kinds.SET, Kinds.REMOVED),
            hex"10203040"
        );
    }
}
