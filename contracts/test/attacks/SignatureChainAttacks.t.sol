// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {SimpleDstackVerifier} from "../../SimpleDstackVerifier.sol";
import {ISimpleDstackVerifier} from "../../interfaces/ISimpleDstackVerifier.sol";
import {SignatureChainFixture} from "../helpers/SignatureChainFixture.sol";

/// @notice Known ways to fool published verifiers of dstack chains, each named for what it costs
/// there. Every attack starts from what anybody can see: the victim's public chain.
contract SignatureChainAttacksTest is SignatureChainFixture {
    uint256 internal constant THIEF = uint256(keccak256("thief"));

    SimpleDstackVerifier internal verifier;
    ISimpleDstackVerifier.Chain internal victim;

    function setUp() public {
        verifier = new SimpleDstackVerifier(vm.addr(ROOT_SECRET));
        victim = goodChain();
    }

    /// The app key is not bound: an own key signs an own derived key, shown beside the victim's app
    /// key and KMS signature, with the own key's address as the "app key address".
    function test_attack_anybodySignsAsTheVictimsApp() public {
        ISimpleDstackVerifier.Chain memory forged = victim;
        forged.derivedKey = publicKey(THIEF);
        forged.appSignature = kmsStyle(THIEF, appDigest(PURPOSE, forged.derivedKey));
        assertFalse(ask(forged, vm.addr(THIEF), vm.addr(ROOT_SECRET)));
        assertFalse(ask(forged, vm.addr(APP_SECRET), vm.addr(ROOT_SECRET)));
        assertFalse(verifier.isValid(forged));
    }

    /// A failed recovery is the zero address, which the caller may name as the app key.
    function test_attack_garbageSignatureOfAppKeyZero() public {
        ISimpleDstackVerifier.Chain memory forged = victim;
        forged.derivedKey = publicKey(THIEF);
        forged.appSignature = new bytes(65);
        assertFalse(ask(forged, address(0), vm.addr(ROOT_SECRET)));
        forged.appSignature = withLast(kmsStyle(THIEF, "anything"), 99);
        assertFalse(ask(forged, address(0), vm.addr(ROOT_SECRET)));
    }

    /// Or as the root: then no KMS is needed at all.
    function test_attack_garbageSignatureOfRootZero() public {
        ISimpleDstackVerifier.Chain memory forged =
            makeChain(THIEF, THIEF, THIEF, bytes20(APP), PURPOSE);
        forged.kmsSignature = new bytes(65);
        assertFalse(ask(forged, vm.addr(THIEF), address(0)));
        assertFalse(ask(forged, vm.addr(THIEF), vm.addr(ROOT_SECRET)));
    }

    /// The root is a parameter there: whoever calls brings a KMS along.
    function test_attack_ownKmsNamedAsRoot() public {
        ISimpleDstackVerifier.Chain memory forged =
            makeChain(THIEF, THIEF, THIEF, bytes20(APP), PURPOSE);
        assertFalse(ask(forged, vm.addr(THIEF), vm.addr(THIEF)));
    }

    /// A second accepted form of a signature: whatever keeps "used signatures" can be passed twice.
    function test_attack_usedSignatureAcceptedAgainInItsMirror() public {
        ISimpleDstackVerifier.Chain memory twin = victim;
        assertTrue(ask(twin, vm.addr(APP_SECRET), vm.addr(ROOT_SECRET)));
        twin.appSignature = mirrored(victim.appSignature);
        assertFalse(ask(twin, vm.addr(APP_SECRET), vm.addr(ROOT_SECRET)));
        twin.appSignature = victim.appSignature;
        twin.kmsSignature = mirrored(victim.kmsSignature);
        assertFalse(ask(twin, vm.addr(APP_SECRET), vm.addr(ROOT_SECRET)));
        // And the other spelling of the same recovery id.
        twin.kmsSignature = withLast(victim.kmsSignature, uint8(victim.kmsSignature[64]) + 27);
        assertFalse(ask(twin, vm.addr(APP_SECRET), vm.addr(ROOT_SECRET)));
    }

    /// An app id as a left-padded word is the id of another app; whoever owns that one would speak
    /// for this.
    function test_attack_appIdShiftedIntoAnotherApps() public {
        ISimpleDstackVerifier.Chain memory shifted =
            makeChain(ROOT_SECRET, THIEF, THIEF, bytes20(uint160(APP) >> 96), PURPOSE);
        assertFalse(
            verifier.verifySignatureChain(
                bytes32(uint256(uint160(APP))),
                shifted.appSignature,
                shifted.kmsSignature,
                vm.addr(THIEF),
                shifted.derivedKey,
                shifted.appKey,
                PURPOSE,
                vm.addr(ROOT_SECRET)
            )
        );
    }

    function ask(ISimpleDstackVerifier.Chain memory chain, address appKey, address root)
        private
        view
        returns (bool)
    {
        return verifier.verifySignatureChain(
            bytes32(chain.appId),
            chain.appSignature,
            chain.kmsSignature,
            appKey,
            chain.derivedKey,
            chain.appKey,
            chain.purpose,
            root
        );
    }
}
