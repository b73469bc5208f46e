// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IDstackAppAuth, IDstackAppAuthManagement} from "../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice Devices, the TCB requirement and the list of OS images.
contract AppAuthSettingsTest is AppAuthFixture {
    function boots(bytes32 device, bytes32 image, string memory tcb)
        private
        view
        returns (bool ok)
    {
        IDstackAppAuth.AppBootInfo memory info = bootInfo();
        (info.deviceId, info.osImageHash, info.tcbStatus) = (device, image, tcb);
        (ok,) = app.isAppAllowed(info);
    }

    function bootsOn(bytes32 device) private view returns (bool) {
        return boots(device, IMAGE, "UpToDate");
    }

    function bootsWith(bytes32 image) private view returns (bool) {
        return boots(DEVICE, image, "UpToDate");
    }

    /*//////////////////////////////////////////////////////////////////////////
                              SET ALLOW ANY DEVICE
    //////////////////////////////////////////////////////////////////////////*/

    function test_SetAllowAnyDevice_GivenAnyDeviceIsAccepted() public {
        assertFalse(bootsOn(NEW_DEVICE));
        widen(Kinds.ANY_DEVICE, ONE);
        assertTrue(bootsOn(NEW_DEVICE));
        bytes32 root = extended(app.historyRoot(), 0x33, 0, GUARDIAN);
        vm.expectEmit(address(app));
        emit IDstackAppAuthManagement.AllowAnyDeviceSet(false);
        vm.prank(GUARDIAN);
        app.setAllowAnyDevice(false);
        assertEq(app.historyRoot(), root);
        assertFalse(bootsOn(NEW_DEVICE));
        // The list survived.
        assertTrue(bootsOn(DEVICE));
    }

    /// Refusing any device also withdraws an announced "any", whether or not it is in force.
    function test_SetAllowAnyDevice_GivenAnyDeviceWasAnnounced(bool byItsName) public {
        propose(Kinds.ANY_DEVICE, ONE);
        expectCancelled(Kinds.ANY_DEVICE, ONE, OWNER);
        vm.prank(OWNER);
        if (byItsName) app.setAllowAnyDevice(false);
        else app.remove(Kinds.ANY_DEVICE, ONE);
        assertEq(app.pendingCount(), 0);
    }

    function expectCancelled(uint8 kind, bytes32 value, address by) private {
        bytes32 root = extended(app.historyRoot(), Kinds.CANCELLED | kind, value, by);
        vm.expectEmit(address(app));
        emit IAppAuth.Cancelled(kind, value, by);
        vm.expectEmit(address(app));
        emit IAppAuth.HistoryExtended(root, Kinds.CANCELLED | kind, value, by);
    }

    /*//////////////////////////////////////////////////////////////////////////
                           SET REQUIRE TCB UP TO DATE
    //////////////////////////////////////////////////////////////////////////*/

    function test_SetRequireTcbUpToDate_GivenItIsNotRequired() public {
        assertFalse(boots(DEVICE, IMAGE, "OutOfDate"));
        widen(Kinds.TCB_REQUIREMENT, 0);
        assertTrue(boots(DEVICE, IMAGE, "OutOfDate"));
        bytes32 root = extended(app.historyRoot(), 0x34, ONE, OWNER);
        vm.expectEmit(address(app));
        emit IDstackAppAuthManagement.RequireTcbUpToDateSet(true);
        vm.prank(OWNER);
        app.setRequireTcbUpToDate(true);
        assertEq(app.historyRoot(), root);
        assertFalse(boots(DEVICE, IMAGE, "OutOfDate"));
    }

    function test_SetRequireTcbUpToDate_GivenDroppingItWasAnnounced() public {
        propose(Kinds.TCB_REQUIREMENT, 0);
        expectCancelled(Kinds.TCB_REQUIREMENT, 0, OWNER);
        vm.prank(OWNER);
        app.setRequireTcbUpToDate(true);
        assertEq(app.pendingCount(), 0);
        bytes32 root = app.historyRoot();
        vm.prank(OWNER);
        app.setRequireTcbUpToDate(true);
        assertEq(app.historyRoot(), root);
    }

    function test_SetRequireTcbUpToDate_RevertWhen_TheCallerIsNotTheOwner(address caller) public {
        vm.assume(caller != OWNER);
        expectNotOwner(caller);
        vm.prank(caller);
        app.setRequireTcbUpToDate(true);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                 PIN OS IMAGES
    //////////////////////////////////////////////////////////////////////////*/

    function test_PinOsImages_GivenThereIsNoList() public {
        app = new AppAuth(loose());
        assertTrue(bootsWith(NEW_IMAGE));
        bytes32 root = extended(app.historyRoot(), 0x35, IMAGE, OWNER);
        root = extended(root, 0x35, ONE, OWNER);
        vm.recordLogs();
        bytes32[] memory images = new bytes32[](3);
        (images[0], images[1], images[2]) = (IMAGE, ONE, IMAGE);
        vm.prank(OWNER);
        app.pinOsImages(images);
        assertEq(app.historyRoot(), root);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 4);
        assertEq(logs[0].topics[0], IAppAuth.OsImageAdded.selector);
        assertEq(logs[0].data, abi.encode(IMAGE));
        assertTrue(app.osImagesPinned());
        assertTrue(bootsWith(IMAGE) && bootsWith(ONE));
        assertFalse(bootsWith(NEW_IMAGE));
    }

    /// Else nobody could tell from the history whether the image was activated or is still to come, and
    /// whether it can come back at once behind another clearing.
    function test_PinOsImages_GivenAnImageOfItIsPending() public {
        propose(Kinds.OS_IMAGE, NEW_IMAGE);
        widen(Kinds.ANY_OS_IMAGE, ONE);
        bytes32 root = extended(app.historyRoot(), 0x25, NEW_IMAGE, OWNER);
        root = extended(root, 0x35, NEW_IMAGE, OWNER);
        root = extended(root, 0x35, IMAGE, OWNER);
        vm.prank(OWNER);
        app.pinOsImages(list(NEW_IMAGE, IMAGE));
        assertEq(app.historyRoot(), root);
        assertEq(app.pendingCount(), 0);
        assertEq(app.ripeAt(Kinds.OS_IMAGE, NEW_IMAGE), 0);
        assertTrue(app.allowedOsImages(NEW_IMAGE));
    }

    /// An empty list would change nothing, and its sender might take it for "none".
    function test_PinOsImages_RevertWhen_TheFirstListIsEmpty() public {
        app = new AppAuth(loose());
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.OS_IMAGE, 0);
        vm.prank(OWNER);
        app.pinOsImages(new bytes32[](0));
    }

    function test_PinOsImages_RevertGiven_ThereIsAList() public {
        vm.startPrank(OWNER);
        vm.expectRevert(IAppAuth.OsImagesAlreadyPinned.selector);
        app.pinOsImages(list(NEW_IMAGE));
        // Nor once it is empty: that would be adding without notice.
        app.remove(Kinds.OS_IMAGE, IMAGE);
        vm.expectRevert(IAppAuth.OsImagesAlreadyPinned.selector);
        app.pinOsImages(list(NEW_IMAGE));
    }

    function test_PinOsImages_RevertWhen_TheFirstListHoldsZero() public {
        app = new AppAuth(loose());
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.OS_IMAGE, 0);
        vm.prank(OWNER);
        app.pinOsImages(list(IMAGE, 0));
        assertFalse(app.osImagesPinned());
    }

    function test_PinOsImages_RevertWhen_TheCallerIsNotTheOwner(address caller) public {
        vm.assume(caller != OWNER);
        app = new AppAuth(loose());
        expectNotOwner(caller);
        vm.prank(caller);
        app.pinOsImages(list(IMAGE));
    }

    /*//////////////////////////////////////////////////////////////////////////
                               ALLOWED OS IMAGES
    //////////////////////////////////////////////////////////////////////////*/

    /// Removing the last image leaves a list that accepts none; it never means "any".
    function test_AllowedOsImages_GivenTheLastOneWasRemoved(bytes32 image) public {
        vm.prank(GUARDIAN);
        app.remove(Kinds.OS_IMAGE, IMAGE);
        assertTrue(app.osImagesPinned());
        assertFalse(bootsWith(image));
        assertFalse(bootsWith(IMAGE));
        assertFalse(app.allowedOsImages(image));
        widen(Kinds.OS_IMAGE, NEW_IMAGE);
        assertTrue(bootsWith(NEW_IMAGE));
        assertFalse(bootsWith(IMAGE));
    }

    /// Clearing forgets the old list for good: a later list does not bring its images back.
    function test_AllowedOsImages_GivenTheListWasCleared() public {
        widen(Kinds.ANY_OS_IMAGE, ONE);
        assertTrue(bootsWith(NEW_IMAGE) && bootsWith(IMAGE) && bootsWith(0));
        assertFalse(app.allowedOsImages(IMAGE));
        vm.prank(OWNER);
        app.pinOsImages(list(NEW_IMAGE));
        assertTrue(bootsWith(NEW_IMAGE));
        assertFalse(bootsWith(IMAGE));
        assertFalse(app.allowedOsImages(IMAGE));
        widen(Kinds.OS_IMAGE, IMAGE);
        widen(Kinds.ANY_OS_IMAGE, ONE);
        vm.prank(OWNER);
        app.pinOsImages(list(ONE));
        assertFalse(bootsWith(IMAGE) || bootsWith(NEW_IMAGE));
    }
}
