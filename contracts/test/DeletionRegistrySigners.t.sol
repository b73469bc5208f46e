// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {DeletionRegistry} from "../DeletionRegistry.sol";
import {IDeletionRegistry} from "../interfaces/IDeletionRegistry.sol";
import {ISimpleDstackVerifier} from "../interfaces/ISimpleDstackVerifier.sol";
import {DstackSignatureChain} from "../libraries/DstackSignatureChain.sol";
import {TimedApp} from "./helpers/PolicyApps.sol";
import {RegistryFixture} from "./helpers/RegistryFixture.sol";

contract DeletionRegistrySignersTest is RegistryFixture {
    address internal constant OTHER = address(0x0d0);

    /*//////////////////////////////////////////////////////////////////////////
                                  CONSTRUCTOR
    //////////////////////////////////////////////////////////////////////////*/

    function test_Constructor_RevertWhen_TheVerifierHasNoRoot() public {
        ZeroRootVerifier zero = new ZeroRootVerifier();
        vm.expectRevert(ISimpleDstackVerifier.ZeroKmsRoot.selector);
        new DeletionRegistry(ISimpleDstackVerifier(address(zero)));
        vm.expectRevert();
        new DeletionRegistry(ISimpleDstackVerifier(STRANGER));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                REGISTER SIGNER
    //////////////////////////////////////////////////////////////////////////*/

    function test_RegisterSigner_WhenTheChainIsGood() public {
        ISimpleDstackVerifier.Chain memory chain = chainFor(OTHER);
        bytes32 root = extended(seedOf(OTHER), 1, word(signer), STRANGER);
        vm.expectEmit(address(registry));
        emit IDeletionRegistry.SignerRegistered(
            OTHER, signer, chain.appKey, chain.derivedKey, chain.appSignature, chain.kmsSignature
        );
        vm.expectEmit(address(registry));
        emit IDeletionRegistry.HistoryExtended(OTHER, root, 1, word(signer), STRANGER);
        vm.prank(STRANGER);
        assertEq(register(OTHER, chain), signer);
        assertEq(registry.historyRoot(OTHER), root);
        assertEq(uint8(registry.signerStatus(OTHER, signer)), 1);
        assertEq(address(registry.verifier()), address(verifier));
    }

    function test_RegisterSigner_RevertGiven_TheKeyIsRegistered() public {
        ISimpleDstackVerifier.Chain memory chain = chainFor(address(app));
        vm.expectRevert(
            abi.encodeWithSelector(
                IDeletionRegistry.SignerAlreadyRegistered.selector, address(app), signer
            )
        );
        register(address(app), chain);
    }

    function test_RegisterSigner_RevertGiven_TheKeyWasRevoked() public {
        ISimpleDstackVerifier.Chain memory chain = chainFor(address(app));
        vm.prank(OWNER);
        registry.revokeSigner(address(app), signer);
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.SignerIsRevoked.selector, address(app), signer)
        );
        register(address(app), chain);
    }

    /// A stolen key that nobody registered yet can be shut out before the thief does.
    function test_RegisterSigner_RevertGiven_TheKeyWasRevokedBeforeItWasKnown() public {
        TimedApp fresh = new TimedApp(OWNER, address(0));
        ISimpleDstackVerifier.Chain memory chain = chainFor(address(fresh));
        vm.prank(OWNER);
        registry.revokeSigner(address(fresh), signer);
        vm.expectPartialRevert(IDeletionRegistry.SignerIsRevoked.selector);
        register(address(fresh), chain);
    }

    function test_RegisterSigner_RevertWhen_TheChainIsForAnotherApp() public {
        ISimpleDstackVerifier.Chain memory chain = chainFor(address(app));
        vm.expectPartialRevert(DstackSignatureChain.WrongSigner.selector);
        register(OTHER, chain);
    }

    /// Keys do not depend on the purpose, signatures do: one made for something else does not count.
    function test_RegisterSigner_RevertWhen_TheChainIsForAnotherPurpose() public {
        ISimpleDstackVerifier.Chain memory chain =
            makeChain(ROOT_SECRET, APP_SECRET, DERIVED_SECRET, bytes20(OTHER), "signing");
        vm.expectPartialRevert(DstackSignatureChain.WrongSigner.selector);
        register(OTHER, chain);
    }

    function test_RegisterSigner_RevertWhen_TheChainLeadsToAnotherRoot() public {
        ISimpleDstackVerifier.Chain memory chain = makeChain(
            APP_SECRET, APP_SECRET, DERIVED_SECRET, bytes20(OTHER), "devproof-deletion-v1"
        );
        vm.expectPartialRevert(DstackSignatureChain.WrongSigner.selector);
        register(OTHER, chain);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                 REVOKE SIGNER
    //////////////////////////////////////////////////////////////////////////*/

    function test_RevokeSigner_WhenOwnerOrGuardianCall() public {
        bytes32 before = registry.historyRoot(address(app));
        bytes32 root = extended(before, 2, word(signer), OWNER);
        vm.expectEmit(address(registry));
        emit IDeletionRegistry.SignerRevoked(address(app), signer, OWNER);
        vm.expectEmit(address(registry));
        emit IDeletionRegistry.HistoryExtended(address(app), root, 2, word(signer), OWNER);
        vm.prank(OWNER);
        registry.revokeSigner(address(app), signer);
        assertEq(registry.historyRoot(address(app)), root);
        assertEq(uint8(registry.signerStatus(address(app), signer)), 2);

        vm.prank(GUARDIAN);
        registry.revokeSigner(address(app), OTHER);
        assertEq(uint8(registry.signerStatus(address(app), OTHER)), 2);
    }

    function test_RevokeSigner_WhenTheOwnerOfAStockAppCalls() public {
        vm.prank(OWNER);
        registry.revokeSigner(address(stock), signer);
        assertEq(uint8(registry.signerStatus(address(stock), signer)), 2);
        assertEq(uint8(registry.signerStatus(address(app), signer)), 1);
    }

    function test_RevokeSigner_RevertWhen_AStrangerCalls(address stranger) public {
        vm.assume(stranger != OWNER && stranger != GUARDIAN);
        address[3] memory apps = [address(app), address(stock), OTHER];
        for (uint256 i = 0; i < apps.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IDeletionRegistry.NotOwnerOrGuardian.selector, apps[i], stranger
                )
            );
            vm.prank(stranger);
            registry.revokeSigner(apps[i], signer);
        }
    }

    /// The guardian of the one is nobody to the other.
    function test_RevokeSigner_RevertWhen_TheGuardianOfAnotherAppCalls() public {
        vm.expectPartialRevert(IDeletionRegistry.NotOwnerOrGuardian.selector);
        vm.prank(GUARDIAN);
        registry.revokeSigner(address(stock), signer);
    }

    /// Two words are no address, whatever the first of them says.
    function test_RevokeSigner_RevertWhen_TheOwnerIsNotOneWord() public {
        TwoWordOwner two = new TwoWordOwner(OTHER);
        vm.prank(OTHER);
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.NotOwnerOrGuardian.selector, two, OTHER)
        );
        registry.revokeSigner(address(two), signer);
    }

    function test_RevokeSigner_RevertGiven_ItWasRevokedAlready() public {
        vm.startPrank(OWNER);
        registry.revokeSigner(address(app), signer);
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.SignerIsRevoked.selector, address(app), signer)
        );
        registry.revokeSigner(address(app), signer);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   SIGNER OF
    //////////////////////////////////////////////////////////////////////////*/

    function test_SignerOf_GivenARegisteredKeySigned(bytes32 digest) public view {
        bytes memory signature = ethereumStyle(DERIVED_SECRET, digest);
        assertEq(registry.signerOf(address(app), digest, signature), signer);
    }

    function test_SignerOf_RevertGiven_NoRegisteredKeySigned() public {
        bytes memory signature = ethereumStyle(APP_SECRET, "digest");
        vm.expectRevert(
            abi.encodeWithSelector(
                IDeletionRegistry.SignerNotRegistered.selector, address(app), vm.addr(APP_SECRET)
            )
        );
        registry.signerOf(address(app), "digest", signature);

        vm.prank(OWNER);
        registry.revokeSigner(address(app), signer);
        signature = ethereumStyle(DERIVED_SECRET, "digest");
        vm.expectRevert(
            abi.encodeWithSelector(IDeletionRegistry.SignerIsRevoked.selector, address(app), signer)
        );
        registry.signerOf(address(app), "digest", signature);
    }
}

contract ZeroRootVerifier {
    address public kmsRoot;
}

/// @notice Answers `owner` with a word too many.
contract TwoWordOwner {
    address private _first;

    constructor(address first) {
        _first = first;
    }

    function owner() external view returns (address, uint256) {
        return (_first, 0);
    }
}
