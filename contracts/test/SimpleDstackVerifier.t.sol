// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {SimpleDstackVerifier} from "../SimpleDstackVerifier.sol";
import {ISimpleDstackVerifier} from "../interfaces/ISimpleDstackVerifier.sol";
import {DstackSignatureChain} from "../libraries/DstackSignatureChain.sol";
import {SignatureChainFixture} from "./helpers/SignatureChainFixture.sol";

contract SimpleDstackVerifierTest is SignatureChainFixture {
    SimpleDstackVerifier internal verifier;

    function setUp() public {
        verifier = new SimpleDstackVerifier(vm.addr(ROOT_SECRET));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                  CONSTRUCTOR
    //////////////////////////////////////////////////////////////////////////*/

    function test_Constructor_RevertWhen_TheRootIsZero() public {
        vm.expectRevert(ISimpleDstackVerifier.ZeroKmsRoot.selector);
        new SimpleDstackVerifier(address(0));
    }

    function test_Constructor_WhenTheRootIsAnAddress() public view {
        assertEq(verifier.kmsRoot(), vm.addr(ROOT_SECRET));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     VERIFY
    //////////////////////////////////////////////////////////////////////////*/

    function test_Verify_GivenEveryLinkIsGood(
        uint256 root,
        uint256 app,
        uint256 derived,
        bytes20 appId,
        string calldata purpose
    ) public {
        (root, app, derived) = (secret(root), secret(app), secret(derived));
        verifier = new SimpleDstackVerifier(vm.addr(root));
        ISimpleDstackVerifier.Chain memory chain = makeChain(root, app, derived, appId, purpose);
        assertEq(verifier.verify(chain), vm.addr(derived));
        assertTrue(verifier.isValid(chain));
        assertTrue(stockShape(chain, vm.addr(app), vm.addr(root)));

        ISimpleDstackVerifier.PointChain memory points =
            withPoints(chain, pointOf(app), pointOf(derived));
        assertEq(verifier.verifyPoints(points), vm.addr(derived));
        assertTrue(verifier.isValidPoints(points));
    }

    /// A chain of a production KMS, from outside the repository.
    function test_Verify_GivenAProductionKMSMadeTheChain() public {
        string memory folder = vm.envOr("DEVPROOF_REAL_DATA", string("../shared/data"));
        string memory json;
        try vm.readFile(string.concat(folder, "/sigchain-prod7.json")) returns (
            string memory text
        ) {
            json = text;
        } catch {
            vm.skip(true, "no recorded evidence: set DEVPROOF_REAL_DATA");
        }
        address root = vm.parseJsonAddress(json, ".kms_root_address");
        verifier = new SimpleDstackVerifier(root);
        assertEq(verifier.addressOf(vm.parseJsonBytes(json, ".kms_root_pubkey")), root);

        ISimpleDstackVerifier.Chain memory chain = ISimpleDstackVerifier.Chain({
            appId: bytes20(vm.parseJsonAddress(json, ".app_id")),
            purpose: vm.parseJsonString(json, ".purpose"),
            appKey: vm.parseJsonBytes(json, ".app_pubkey"),
            derivedKey: vm.parseJsonBytes(json, ".derived_pubkey"),
            appSignature: vm.parseJsonBytes(json, ".app_signature"),
            kmsSignature: vm.parseJsonBytes(json, ".kms_signature")
        });
        assertEq(verifier.verify(chain), verifier.addressOf(chain.derivedKey));
        assertTrue(stockShape(chain, verifier.addressOf(chain.appKey), root));
        chain.purpose = "testnet";
        assertFalse(verifier.isValid(chain));
    }

    function test_Verify_RevertGiven_AnotherRootSigned() public {
        ISimpleDstackVerifier.Chain memory chain =
            makeChain(APP_SECRET, APP_SECRET, DERIVED_SECRET, bytes20(APP), PURPOSE);
        refuse(
            chain,
            abi.encodeWithSelector(
                DstackSignatureChain.WrongSigner.selector,
                DstackSignatureChain.Part.KmsSignature,
                vm.addr(APP_SECRET),
                vm.addr(ROOT_SECRET)
            )
        );
    }

    function test_Verify_RevertGiven_TheAppKeyIsNotTheOneTheKMSSigned(uint256 seed) public {
        uint256 thief = secret(seed);
        vm.assume(thief != APP_SECRET);
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.appSignature = kmsStyle(thief, appDigest(PURPOSE, chain.derivedKey));
        refuse(
            chain,
            abi.encodeWithSelector(
                DstackSignatureChain.WrongSigner.selector,
                DstackSignatureChain.Part.AppSignature,
                vm.addr(thief),
                vm.addr(APP_SECRET)
            )
        );
    }

    function test_Verify_RevertWhen_TheAppIdIsAnother(bytes20 other) public {
        vm.assume(other != bytes20(APP));
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.appId = other;
        refusePartly(chain, DstackSignatureChain.WrongSigner.selector);
    }

    function test_Verify_RevertWhen_ThePurposeIsAnother(string calldata other) public {
        vm.assume(keccak256(bytes(other)) != keccak256(bytes(PURPOSE)));
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.purpose = other;
        refusePartly(chain, DstackSignatureChain.WrongSigner.selector);
    }

    function test_Verify_RevertWhen_TheDerivedKeyIsAnother(uint256 seed) public {
        uint256 other = secret(seed);
        vm.assume(other != DERIVED_SECRET);
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.derivedKey = publicKey(other);
        refusePartly(chain, DstackSignatureChain.WrongSigner.selector);
    }

    /// The mirrored point has another parity, hence other bytes and another address.
    function test_Verify_RevertWhen_TheParityOfAKeyIsFlipped() public {
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.derivedKey[0] ^= 0x01;
        refusePartly(chain, DstackSignatureChain.WrongSigner.selector);
        chain = goodChain();
        chain.appKey[0] ^= 0x01;
        refusePartly(chain, DstackSignatureChain.WrongSigner.selector);
    }

    function test_Verify_RevertWhen_AnSIsHigh() public {
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.appSignature = mirrored(chain.appSignature);
        refusePartly(chain, DstackSignatureChain.SignatureHighS.selector);
        chain = goodChain();
        chain.kmsSignature = mirrored(chain.kmsSignature);
        refusePartly(chain, DstackSignatureChain.SignatureHighS.selector);
    }

    function test_Verify_RevertWhen_ARecoveryIdIsNot0Or1(uint8 v) public {
        vm.assume(v > 1);
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.appSignature = withLast(chain.appSignature, v);
        refuse(chain, recoveryId(DstackSignatureChain.Part.AppSignature, v));
        chain = goodChain();
        chain.kmsSignature = withLast(chain.kmsSignature, v);
        refuse(chain, recoveryId(DstackSignatureChain.Part.KmsSignature, v));
    }

    /// What Ethereum libraries write is not what the KMS writes; one encoding is accepted.
    function test_Verify_RevertWhen_ARecoveryIdIsAsEthereumWritesIt() public {
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        uint8 v = uint8(chain.kmsSignature[64]) + 27;
        chain.kmsSignature = withLast(chain.kmsSignature, v);
        refuse(chain, recoveryId(DstackSignatureChain.Part.KmsSignature, v));
    }

    function test_Verify_RevertWhen_ASignatureIsNot65BytesLong(uint8 length) public {
        vm.assume(length != 65);
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.appSignature = resized(chain.appSignature, length);
        refuse(chain, signatureLength(DstackSignatureChain.Part.AppSignature, length));
        chain = goodChain();
        chain.kmsSignature = resized(chain.kmsSignature, length);
        refuse(chain, signatureLength(DstackSignatureChain.Part.KmsSignature, length));
    }

    function test_Verify_RevertWhen_NobodyCanHaveSigned() public {
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.appSignature = new bytes(65);
        refuse(
            chain,
            abi.encodeWithSelector(
                DstackSignatureChain.SignatureUnrecoverable.selector,
                DstackSignatureChain.Part.AppSignature
            )
        );
        chain = goodChain();
        chain.kmsSignature = new bytes(65);
        refuse(
            chain,
            abi.encodeWithSelector(
                DstackSignatureChain.SignatureUnrecoverable.selector,
                DstackSignatureChain.Part.KmsSignature
            )
        );
    }

    function test_Verify_RevertWhen_AKeyIsNot33BytesLong(uint8 length) public {
        vm.assume(length != 33);
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.appKey = resized(chain.appKey, length);
        refuse(chain, keyLength(DstackSignatureChain.Part.AppKey, length));
        chain = goodChain();
        chain.derivedKey = resized(chain.derivedKey, length);
        refuse(chain, keyLength(DstackSignatureChain.Part.DerivedKey, length));
    }

    /// The uncompressed form (65 bytes, 04) is another encoding of the same key: refused too.
    function test_Verify_RevertWhen_AKeyIsUncompressed() public {
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        DstackSignatureChain.Point memory point = pointOf(APP_SECRET);
        chain.appKey = abi.encodePacked(uint8(4), point.x, point.y);
        refuse(chain, keyLength(DstackSignatureChain.Part.AppKey, 65));
    }

    function test_Verify_RevertWhen_ACompressedKeyIsOffTheCurve() public {
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        chain.appKey = abi.encodePacked(uint8(2), uint256(5));
        refusePartly(chain, DstackSignatureChain.PublicKeyNotOnCurve.selector);
        chain = goodChain();
        chain.derivedKey = abi.encodePacked(uint8(3), uint256(5));
        refusePartly(chain, DstackSignatureChain.PublicKeyNotOnCurve.selector);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                 VERIFY POINTS
    //////////////////////////////////////////////////////////////////////////*/

    /// The KMS and the app key really sign the x of a point that is not there. The address of such
    /// "keys" is whatever y the caller likes.
    function test_VerifyPoints_RevertWhen_APointIsOffTheCurve(uint256 y) public {
        DstackSignatureChain.Point memory point = pointOf(DERIVED_SECRET);
        y = y - y % 2 + point.y % 2; // the same parity: the signed bytes stay the same
        vm.assume(y != point.y);
        ISimpleDstackVerifier.PointChain memory chain = goodPoints();
        chain.derivedKey.y = y;
        vm.expectRevert(
            abi.encodeWithSelector(
                DstackSignatureChain.PublicKeyNotOnCurve.selector,
                DstackSignatureChain.Part.DerivedKey,
                point.x,
                y
            )
        );
        verifier.verifyPoints(chain);
        assertFalse(verifier.isValidPoints(chain));

        chain = goodPoints();
        chain.appKey.y = chain.appKey.y ^ 2;
        vm.expectPartialRevert(DstackSignatureChain.PublicKeyNotOnCurve.selector);
        verifier.verifyPoints(chain);
        assertFalse(verifier.isValidPoints(chain));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                 VERIFY MESSAGE
    //////////////////////////////////////////////////////////////////////////*/

    function test_VerifyMessage_WhenTheDerivedKeySignedIt(bytes32 digest) public {
        bytes memory signature = ethereumStyle(DERIVED_SECRET, digest);
        address derived = verifier.verifyMessage(goodPoints(), digest, signature);
        assertEq(derived, vm.addr(DERIVED_SECRET));
    }

    function test_VerifyMessage_RevertWhen_AnotherKeySignedIt() public {
        bytes32 digest = keccak256("message");
        ISimpleDstackVerifier.PointChain memory chain = goodPoints();
        vm.expectRevert(
            abi.encodeWithSelector(
                DstackSignatureChain.WrongSigner.selector,
                DstackSignatureChain.Part.MessageSignature,
                vm.addr(APP_SECRET),
                vm.addr(DERIVED_SECRET)
            )
        );
        verifier.verifyMessage(chain, digest, ethereumStyle(APP_SECRET, digest));
    }

    function test_VerifyMessage_RevertWhen_ItIsWrittenAsTheKMSWrites() public {
        bytes32 digest = keccak256("message");
        ISimpleDstackVerifier.PointChain memory chain = goodPoints();
        vm.expectPartialRevert(DstackSignatureChain.SignatureRecoveryId.selector);
        verifier.verifyMessage(chain, digest, kmsStyle(DERIVED_SECRET, digest));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   ADDRESS OF
    //////////////////////////////////////////////////////////////////////////*/

    function test_AddressOf_ShouldBeTheAddressOfTheKey() public {
        assertEq(verifier.addressOf(publicKey(ROOT_SECRET)), vm.addr(ROOT_SECRET));
    }

    /*//////////////////////////////////////////////////////////////////////////
                             VERIFY SIGNATURE CHAIN
    //////////////////////////////////////////////////////////////////////////*/

    function test_VerifySignatureChain_WhenTheAppIdHasMoreThan20Bytes(uint96 dirt) public {
        vm.assume(dirt != 0);
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        assertFalse(
            verifier.verifySignatureChain(
                bytes32(bytes20(APP)) | bytes32(uint256(dirt)),
                chain.appSignature,
                chain.kmsSignature,
                vm.addr(APP_SECRET),
                chain.derivedKey,
                chain.appKey,
                chain.purpose,
                vm.addr(ROOT_SECRET)
            )
        );
    }

    function test_VerifySignatureChain_WhenTheAppIdIsPaddedOnTheLeft() public {
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        assertFalse(
            verifier.verifySignatureChain(
                bytes32(uint256(uint160(APP))),
                chain.appSignature,
                chain.kmsSignature,
                vm.addr(APP_SECRET),
                chain.derivedKey,
                chain.appKey,
                chain.purpose,
                vm.addr(ROOT_SECRET)
            )
        );
    }

    function test_VerifySignatureChain_WhenTheAddressOfTheAppKeyIsAnother(address other) public {
        vm.assume(other != vm.addr(APP_SECRET));
        assertFalse(stockShape(goodChain(), other, vm.addr(ROOT_SECRET)));
    }

    function test_VerifySignatureChain_WhenTheRootIsNotThePinnedOne(address other) public {
        vm.assume(other != vm.addr(ROOT_SECRET));
        assertFalse(stockShape(goodChain(), vm.addr(APP_SECRET), other));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    IS VALID
    //////////////////////////////////////////////////////////////////////////*/

    /// With too little gas the views say so instead of "no".
    function test_IsValid_WhenTheGasIsShort() public {
        ISimpleDstackVerifier.Chain memory chain = goodChain();
        bytes memory call = abi.encodeCall(verifier.isValid, (chain));
        uint256 answers;
        for (uint256 gas = 2000; gas < 60_000; gas += 250) {
            (bool done, bytes memory answer) = address(verifier).staticcall{gas: gas}(call);
            if (!done) continue;
            assertTrue(abi.decode(answer, (bool)));
            ++answers;
        }
        assertGt(answers, 0);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      HELPERS
    //////////////////////////////////////////////////////////////////////////*/

    function stockShape(ISimpleDstackVerifier.Chain memory chain, address appKey, address root)
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

    /// Every way to ask refuses, and the one with reasons gives this reason.
    function refuse(ISimpleDstackVerifier.Chain memory chain, bytes memory reason) private {
        vm.expectRevert(reason);
        verifier.verify(chain);
        refuseQuietly(chain);
    }

    function refusePartly(ISimpleDstackVerifier.Chain memory chain, bytes4 reason) private {
        vm.expectPartialRevert(reason);
        verifier.verify(chain);
        refuseQuietly(chain);
    }

    function refuseQuietly(ISimpleDstackVerifier.Chain memory chain) private {
        assertFalse(verifier.isValid(chain));
        assertFalse(stockShape(chain, vm.addr(APP_SECRET), vm.addr(ROOT_SECRET)));
        if (chain.appKey.length != 33 || chain.derivedKey.length != 33) return;
        // The same chain as points, as far as its keys are points.
        try verifier.addressOf(chain.appKey) {}
        catch {
            return;
        }
        try verifier.addressOf(chain.derivedKey) {}
        catch {
            return;
        }
        ISimpleDstackVerifier.PointChain memory points =
            withPoints(chain, this.decompress(chain.appKey), this.decompress(chain.derivedKey));
        assertFalse(verifier.isValidPoints(points));
        vm.expectRevert();
        verifier.verifyPoints(points);
    }

    function decompress(bytes calldata key)
        external
        view
        returns (DstackSignatureChain.Point memory)
    {
        return DstackSignatureChain.decompress(DstackSignatureChain.Part.AppKey, key);
    }

    function resized(bytes memory data, uint256 length) private pure returns (bytes memory) {
        return length <= data.length
            ? slice(data, 0, length)
            : bytes.concat(data, new bytes(length - data.length));
    }

    function recoveryId(DstackSignatureChain.Part part, uint8 v)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(DstackSignatureChain.SignatureRecoveryId.selector, part, v);
    }

    function signatureLength(DstackSignatureChain.Part part, uint256 length)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(DstackSignatureChain.SignatureLength.selector, part, length);
    }

    function keyLength(DstackSignatureChain.Part part, uint256 length)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(DstackSignatureChain.PublicKeyLength.selector, part, length);
    }
}
