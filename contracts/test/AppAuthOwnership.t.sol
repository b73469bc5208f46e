// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";

contract AppAuthOwnershipTest is AppAuthFixture {
    /*//////////////////////////////////////////////////////////////////////////
                               TRANSFER OWNERSHIP
    //////////////////////////////////////////////////////////////////////////*/

    function test_TransferOwnership_RevertWhen_TheCallerIsNotTheOwner(address caller) public {
        vm.assume(caller != OWNER);
        expectNotOwner(caller);
        vm.prank(caller);
        app.transferOwnership(caller);
    }

    function test_TransferOwnership_GivenAnOfferIsOpen() public {
        vm.startPrank(OWNER);
        app.transferOwnership(SUCCESSOR);
        app.transferOwnership(STRANGER);
        vm.stopPrank();
        expectNotOwner(SUCCESSOR);
        vm.prank(SUCCESSOR);
        app.acceptOwnership();
        vm.prank(OWNER);
        app.transferOwnership(address(0));
        expectNotOwner(STRANGER);
        vm.prank(STRANGER);
        app.acceptOwnership();
    }

    /*//////////////////////////////////////////////////////////////////////////
                                ACCEPT OWNERSHIP
    //////////////////////////////////////////////////////////////////////////*/

    function test_AcceptOwnership_RevertWhen_TheCallerWasOfferedNothing(address caller) public {
        vm.assume(caller != SUCCESSOR && caller != address(0));
        expectNotOwner(caller);
        vm.prank(caller);
        app.acceptOwnership();
        vm.prank(OWNER);
        app.transferOwnership(SUCCESSOR);
        expectNotOwner(caller);
        vm.prank(caller);
        app.acceptOwnership();
    }

    function test_AcceptOwnership_WhenTheCallerWasOfferedIt(address next) public {
        vm.assume(next != OWNER);
        vm.expectEmit(address(app));
        emit IAppAuth.OwnershipTransferStarted(OWNER, next);
        expectEntry(Kinds.SET | Kinds.PENDING_OWNER, word(next), OWNER);
        vm.prank(OWNER);
        app.transferOwnership(next);
        assertEq(app.owner(), OWNER);
        assertEq(app.pendingOwner(), next);

        vm.expectEmit(address(app));
        emit IAppAuth.OwnershipTransferred(OWNER, next);
        expectEntry(Kinds.SET | Kinds.OWNER, word(next), next);
        vm.prank(next);
        app.acceptOwnership();
        assertEq(app.owner(), next);
        assertEq(app.pendingOwner(), address(0));

        expectNotOwner(OWNER);
        vm.prank(OWNER);
        app.proposeComposeHash(NEW_HASH);
        vm.prank(next);
        app.proposeComposeHash(NEW_HASH);
    }

    /// Pending proposals stay, with their times: the new owner answers for them.
    function test_AcceptOwnership_GivenProposalsArePending() public {
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        vm.prank(OWNER);
        app.transferOwnership(SUCCESSOR);
        vm.startPrank(SUCCESSOR);
        app.acceptOwnership();
        assertEq(app.activatesAt(NEW_HASH), START + NOTICE);
        app.cancelComposeHash(NEW_HASH);
    }

    /*//////////////////////////////////////////////////////////////////////////
                               RENOUNCE OWNERSHIP
    //////////////////////////////////////////////////////////////////////////*/

    function test_RenounceOwnership_RevertGiven_ComposeHashesAreNotFrozen() public {
        for (uint8 kind = 2; kind <= 8; ++kind) {
            freeze(kind);
        }
        vm.startPrank(OWNER);
        vm.expectRevert(IAppAuth.ComposeHashesNotFrozen.selector);
        app.renounceOwnership();
        vm.stopPrank();
        expectNotOwner(STRANGER);
        vm.prank(STRANGER);
        app.renounceOwnership();
    }

    function test_RenounceOwnership_GivenComposeHashesAreFrozen() public {
        freeze(Kinds.COMPOSE_HASH);
        propose(Kinds.DEVICE, NEW_DEVICE);
        propose(Kinds.GUARDIAN, 0);
        vm.startPrank(OWNER);
        app.transferOwnership(SUCCESSOR);
        vm.expectEmit(address(app));
        emit IAppAuth.OwnershipTransferred(OWNER, address(0));
        expectEntry(Kinds.SET | Kinds.OWNER, 0, OWNER);
        app.renounceOwnership();
        vm.stopPrank();
        assertEq(app.owner(), address(0));
        // An open offer died with it.
        assertEq(app.pendingOwner(), address(0));
        expectNotOwner(SUCCESSOR);
        vm.prank(SUCCESSOR);
        app.acceptOwnership();
        // What was announced may still come; nothing new can be announced.
        uint256 ripe = app.ripeAt(Kinds.DEVICE, NEW_DEVICE);
        assertEq(app.earliest(Kinds.DEVICE, NEW_DEVICE), ripe);
        assertEq(app.earliest(Kinds.DEVICE, ONE), NEVER);
        // The guardian will go, and nobody is there to name another.
        assertEq(app.earliest(Kinds.GUARDIAN, 0), ripe);
        assertEq(app.earliest(Kinds.GUARDIAN, word(SUCCESSOR)), NEVER);
        vm.warp(ripe);
        app.activate(Kinds.DEVICE, NEW_DEVICE);
    }
}
