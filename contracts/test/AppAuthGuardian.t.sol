// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";

contract AppAuthGuardianTest is AppAuthFixture {
    /*//////////////////////////////////////////////////////////////////////////
                                  SET GUARDIAN
    //////////////////////////////////////////////////////////////////////////*/

    function test_SetGuardian_GivenThereIsNone() public {
        app = new AppAuth(loose());
        bytes32 root = extended(app.historyRoot(), 0x38, word(GUARDIAN), OWNER);
        vm.expectEmit(address(app));
        emit IAppAuth.GuardianSet(GUARDIAN);
        vm.prank(OWNER);
        app.setGuardian(GUARDIAN);
        assertEq(app.guardian(), GUARDIAN);
        assertEq(app.historyRoot(), root);
    }

    function test_SetGuardian_GivenHeWasAnnounced() public {
        propose(Kinds.GUARDIAN, word(SUCCESSOR));
        widen(Kinds.GUARDIAN, 0);
        bytes32 root = extended(app.historyRoot(), 0x28, word(SUCCESSOR), OWNER);
        root = extended(root, 0x38, word(SUCCESSOR), OWNER);
        vm.prank(OWNER);
        app.setGuardian(SUCCESSOR);
        assertEq(app.historyRoot(), root);
        assertEq(app.pendingCount(), 0);
    }

    function test_SetGuardian_RevertGiven_ThereIsOne() public {
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.GuardianAlreadySet.selector, GUARDIAN));
        app.setGuardian(SUCCESSOR);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.GuardianAlreadySet.selector, GUARDIAN));
        app.setGuardian(address(0));
    }

    function test_SetGuardian_RevertWhen_TheGuardianIsZero() public {
        app = new AppAuth(loose());
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.GUARDIAN, 0);
        vm.prank(OWNER);
        app.setGuardian(address(0));
    }

    function test_SetGuardian_RevertWhen_TheCallerIsNotTheOwner(address caller) public {
        vm.assume(caller != OWNER);
        app = new AppAuth(loose());
        expectNotOwner(caller);
        vm.prank(caller);
        app.setGuardian(caller);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    GUARDIAN
    //////////////////////////////////////////////////////////////////////////*/

    /// Replacing or removing one takes the notice, and he may cancel it himself.
    function test_Guardian_GivenAnotherOneIsAnnounced(address other) public {
        vm.assume(other != GUARDIAN && other != OWNER);
        ripen(Kinds.GUARDIAN, word(other));
        vm.prank(GUARDIAN);
        app.cancel(Kinds.GUARDIAN, word(other));
        assertEq(app.guardian(), GUARDIAN);
        widen(Kinds.GUARDIAN, word(other));
        assertEq(app.guardian(), other);
        expectNotOwnerOrGuardian(GUARDIAN);
        vm.prank(GUARDIAN);
        app.removeComposeHash(HASH);
    }

    /// All that he may not.
    function test_Guardian_RevertWhen_HeDoesMoreThanCancelAndRemove() public {
        vm.startPrank(GUARDIAN);
        for (uint8 kind = 1; kind <= 9; ++kind) {
            expectNotOwner(GUARDIAN);
            app.propose(kind, widening(kind));
        }
        expectNotOwner(GUARDIAN);
        app.proposeComposeHash(NEW_HASH);
        expectNotOwner(GUARDIAN);
        app.proposeComposeHash(NEW_HASH, 0, "");
        expectNotOwner(GUARDIAN);
        app.setRequireTcbUpToDate(true);
        expectNotOwner(GUARDIAN);
        app.pinOsImages(list(NEW_IMAGE));
        expectNotOwner(GUARDIAN);
        app.increaseNoticePeriod(CEILING);
        expectNotOwner(GUARDIAN);
        app.setGuardian(GUARDIAN);
        expectNotOwner(GUARDIAN);
        app.transferOwnership(GUARDIAN);
        expectNotOwner(GUARDIAN);
        app.acceptOwnership();
        expectNotOwner(GUARDIAN);
        app.renounceOwnership();
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.ANY_DEVICE, ONE, START + NOTICE);
        app.setAllowAnyDevice(true);
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.TCB_REQUIREMENT, 0, START + NOTICE);
        app.setRequireTcbUpToDate(false);
    }

    /// The owner gone, he can still take back what is allowed and what is pending.
    function test_Guardian_GivenThereIsNoOwnerAnyMore() public {
        freeze(Kinds.COMPOSE_HASH);
        propose(Kinds.DEVICE, NEW_DEVICE);
        vm.prank(OWNER);
        app.renounceOwnership();
        vm.startPrank(GUARDIAN);
        app.cancel(Kinds.DEVICE, NEW_DEVICE);
        app.removeComposeHash(HASH);
        assertFalse(app.allowedComposeHashes(HASH));
    }
}
