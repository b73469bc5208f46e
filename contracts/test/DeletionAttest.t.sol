// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDeletionRegistry} from "../interfaces/IDeletionRegistry.sol";
import {DstackSignatureChain} from "../libraries/DstackSignatureChain.sol";
import {OddApp, ThirstyApp} from "./helpers/PolicyApps.sol";
import {RegistryFixture} from "./helpers/RegistryFixture.sol";

contract DeletionAttestTest is RegistryFixture {
    function test_WhenTheStatementIsGood() public {
        attestsFor(address(app));
        attestsFor(address(stock));
    }

    function attestsFor(address app_) private {
        IDeletionRegistry.Deletion memory deletion = deletionOf(app_, 7);
        bytes memory signature = sign(deletion);
        bytes32 id = registry.hashDeletion(deletion);
        bytes32 root = extended(registry.historyRoot(app_), 3, id, signer);
        assertFalse(registry.isNonceUsed(app_, bytes32(uint256(7))));

        vm.expectEmit(address(registry));
        emit IDeletionRegistry.DeletionAttested(
            id,
            app_,
            deletion.userIdHash,
            HASH,
            deletion.dataHash,
            deletion.deletedAt,
            bytes32(uint256(7)),
            signer
        );
        vm.expectEmit(address(registry));
        emit IDeletionRegistry.HistoryExtended(app_, root, 3, id, signer);
        vm.prank(STRANGER);
        assertEq(registry.attest(deletion, signature), id);

        assertEq(registry.historyRoot(app_), root);
        assertTrue(registry.isNonceUsed(app_, bytes32(uint256(7))));
        assertFalse(registry.isNonceUsed(app_, bytes32(uint256(6))));
        assertFalse(registry.isNonceUsed(app_, bytes32(uint256(8))));
    }

    function test_RevertGiven_TheNonceWasUsed(uint256 nonce) public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), nonce);
        bytes memory signature = sign(deletion);
        registry.attest(deletion, signature);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDeletionRegistry.NonceAlreadyUsed.selector, address(app), bytes32(nonce)
            )
        );
        registry.attest(deletion, signature);
    }

    /// A nonce belongs to its app: another app may use the same one.
    function test_GivenAnotherAppUsedTheNonce() public {
        registry.attest(deletionOf(address(app), 1), sign(deletionOf(address(app), 1)));
        registry.attest(deletionOf(address(stock), 1), sign(deletionOf(address(stock), 1)));
    }

    function test_GivenAnotherNonceWasUsed(uint256 first, uint256 second) public {
        vm.assume(first != second);
        registry.attest(deletionOf(address(app), first), sign(deletionOf(address(app), first)));
        registry.attest(deletionOf(address(app), second), sign(deletionOf(address(app), second)));
    }

    function test_RevertWhen_AFieldIsNotTheSignedOne(uint8 field, bytes32 value) public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        bytes32 id = registry.hashDeletion(deletion);
        field = field % 5;
        if (field == 0) deletion.app = address(stock);
        if (field == 1) deletion.userIdHash = value;
        if (field == 2) deletion.dataHash = value;
        if (field == 3) deletion.deletedAt -= uint64(bound(uint256(value), 1, 1 days));
        if (field == 4) deletion.nonce = value;
        vm.assume(registry.hashDeletion(deletion) != id);
        vm.expectPartialRevert(IDeletionRegistry.SignerNotRegistered.selector);
        registry.attest(deletion, signature);
    }

    function test_RevertWhen_TheSignerIsNotRegistered() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(APP_SECRET, registry.hashDeletion(deletion));
        vm.expectRevert(
            abi.encodeWithSelector(
                IDeletionRegistry.SignerNotRegistered.selector, address(app), vm.addr(APP_SECRET)
            )
        );
        registry.attest(deletion, signature);
    }

    function test_RevertGiven_TheSignerWasRevoked() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        vm.prank(GUARDIAN);
        registry.revokeSigner(address(app), signer);
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.SignerIsRevoked.selector, address(app), signer)
        );
        registry.attest(deletion, signature);
    }

    function test_RevertWhen_TheSignatureHasAnotherForm() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        bytes memory other = mirrored(signature);
        vm.expectPartialRevert(DstackSignatureChain.SignatureHighS.selector);
        registry.attest(deletion, other);
        other = withLast(signature, uint8(signature[64]) - 27);
        vm.expectPartialRevert(DstackSignatureChain.SignatureRecoveryId.selector);
        registry.attest(deletion, other);
        other = slice(signature, 0, 64);
        vm.expectPartialRevert(DstackSignatureChain.SignatureLength.selector);
        registry.attest(deletion, other);
        other = abi.encodePacked(bytes32(0), bytes32(0), uint8(27));
        vm.expectPartialRevert(DstackSignatureChain.SignatureUnrecoverable.selector);
        registry.attest(deletion, other);
    }

    function test_RevertWhen_ItWasDeletedInTheFuture() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        deletion.deletedAt = uint64(START + 1);
        bytes memory signature = sign(deletion);
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.DeletedInFuture.selector, START + 1, START)
        );
        registry.attest(deletion, signature);
        vm.warp(START + 1);
        registry.attest(deletion, signature);
    }

    function test_RevertWhen_ItWasDeletedTooLongAgo() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        vm.warp(START + 7 days + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.DeletedTooLongAgo.selector, START, START + 1)
        );
        registry.attest(deletion, signature);
        vm.warp(START + 7 days);
        registry.attest(deletion, signature);
    }

    function test_RevertGiven_TheComposeHashWasNotAllowedThen() public {
        app.allow(HASH, START, type(uint256).max);
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        deletion.deletedAt = uint64(START - 1);
        refuseHash(deletion);
    }

    /// Removed meanwhile, but allowed at the time: that is what counts for an AppAuth.
    function test_GivenTheComposeHashWasRemovedSince() public {
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        bytes memory signature = sign(deletion);
        vm.warp(START + 1 days);
        app.allow(HASH, START - 1 days, START + 1);
        registry.attest(deletion, signature);
    }

    function test_RevertGiven_AStockAppDoesNotAllowTheHashNow() public {
        vm.prank(OWNER);
        stock.removeComposeHash(HASH);
        refuseHash(deletionOf(address(stock), 1));
    }

    /// Only a missing function leads to the weaker question; any other answer is final.
    function test_RevertGiven_TheAppAnswersOddly() public {
        odd(OddApp.Way.RevertsWithReason);
        odd(OddApp.Way.AnswersTwo);
        odd(OddApp.Way.AnswersTwoWords);
        odd(OddApp.Way.AnswersNothing);
        address silent = address(new OddApp(OddApp.Way.RevertsWithoutData));
        register(silent);
        registry.attest(deletionOf(silent, 1), sign(deletionOf(silent, 1)));
    }

    function odd(OddApp.Way way) private {
        address app_ = address(new OddApp(way));
        register(app_);
        refuseHash(deletionOf(app_, 1));
    }

    function test_RevertGiven_TheAppHasNoCode() public {
        register(STRANGER);
        refuseHash(deletionOf(STRANGER, 1));
    }

    /// Starving the strong question does not lead to the weak one. The hash is allowed now and was
    /// not at the time.
    function test_RevertWhen_TheGasIsShort() public {
        app.allow(HASH, START, type(uint256).max);
        IDeletionRegistry.Deletion memory deletion = deletionOf(address(app), 1);
        deletion.deletedAt = uint64(START - 1);
        bytes memory call = abi.encodeCall(registry.attest, (deletion, sign(deletion)));
        bool starved;
        for (uint256 gas = 5000; gas < 300_000; gas += 500) {
            (bool done, bytes memory reason) = address(registry).call{gas: gas}(call);
            assertFalse(done);
            starved = starved || bytes4(reason) == IDeletionRegistry.NotEnoughGas.selector;
        }
        assertTrue(starved);

        // An app that is asked gets what it is promised, so that its no is a no, and whoever brings
        // enough gas gets its yes.
        address thirsty = address(new ThirstyApp());
        register(thirsty);
        deletion = deletionOf(thirsty, 2);
        call = abi.encodeCall(registry.attest, (deletion, sign(deletion)));
        bool done_;
        for (uint256 gas = 100_000; gas < 300_000 && !done_; gas += 500) {
            bytes memory reason;
            (done_, reason) = address(registry).call{gas: gas}(call);
            assertNotEq(bytes4(reason), IDeletionRegistry.ComposeHashNotAllowed.selector);
        }
        assertTrue(done_);
    }

    function refuseHash(IDeletionRegistry.Deletion memory deletion) private {
        bytes memory signature = sign(deletion);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDeletionRegistry.ComposeHashNotAllowed.selector,
                deletion.app,
                deletion.composeHash,
                deletion.deletedAt
            )
        );
        registry.attest(deletion, signature);
    }
}
