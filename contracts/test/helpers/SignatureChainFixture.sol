// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {ISimpleDstackVerifier} from "../../interfaces/ISimpleDstackVerifier.sol";
import {DstackSignatureChain} from "../../libraries/DstackSignatureChain.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Makes signature chains the way a KMS and a guest agent do, in the plainest code possible:
/// nothing here shares a line with what is under test.
abstract contract SignatureChainFixture is Test {
    uint256 internal constant N =
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    uint256 internal constant P =
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;

    uint256 internal constant ROOT_SECRET = uint256(keccak256("test root"));
    uint256 internal constant APP_SECRET = uint256(keccak256("test app"));
    uint256 internal constant DERIVED_SECRET = uint256(keccak256("test derived"));
    address internal constant APP = address(0xa99);
    string internal constant PURPOSE = "mainnet";

    function secret(uint256 seed) internal pure returns (uint256) {
        return bound(seed, 1, N - 1);
    }

    function pointOf(uint256 key) internal returns (DstackSignatureChain.Point memory) {
        return DstackSignatureChain.Point(
            vm.createWallet(key).publicKeyX, vm.createWallet(key).publicKeyY
        );
    }

    function compress(DstackSignatureChain.Point memory point)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(uint8(point.y % 2 == 0 ? 2 : 3), point.x);
    }

    function publicKey(uint256 key) internal returns (bytes memory) {
        return compress(pointOf(key));
    }

    /// One digit at a time.
    function naiveHex(bytes memory data) internal pure returns (string memory) {
        bytes memory digits = "0123456789abcdef";
        bytes memory text = new bytes(2 * data.length);
        for (uint256 i = 0; i < data.length; ++i) {
            text[2 * i] = digits[uint8(data[i]) / 16];
            text[2 * i + 1] = digits[uint8(data[i]) % 16];
        }
        return string(text);
    }

    function kmsDigest(bytes20 appId, bytes memory appKey) internal pure returns (bytes32) {
        return keccak256(bytes.concat("dstack-kms-issued", ":", appId, appKey));
    }

    function appDigest(string memory purpose, bytes memory derivedKey)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(bytes(string.concat(purpose, ":", naiveHex(derivedKey))));
    }

    /// r || s || recovery id, as the KMS writes it.
    function kmsStyle(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v - 27);
    }

    /// r || s || v with 27 or 28, as Ethereum libraries write it.
    function ethereumStyle(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function makeChain(
        uint256 root,
        uint256 app,
        uint256 derived,
        bytes20 appId,
        string memory purpose
    ) internal returns (ISimpleDstackVerifier.Chain memory chain) {
        chain.appId = appId;
        chain.purpose = purpose;
        chain.appKey = publicKey(app);
        chain.derivedKey = publicKey(derived);
        chain.appSignature = kmsStyle(app, appDigest(purpose, chain.derivedKey));
        chain.kmsSignature = kmsStyle(root, kmsDigest(appId, chain.appKey));
    }

    function goodChain() internal returns (ISimpleDstackVerifier.Chain memory) {
        return makeChain(ROOT_SECRET, APP_SECRET, DERIVED_SECRET, bytes20(APP), PURPOSE);
    }

    function withPoints(
        ISimpleDstackVerifier.Chain memory chain,
        DstackSignatureChain.Point memory app,
        DstackSignatureChain.Point memory derived
    ) internal pure returns (ISimpleDstackVerifier.PointChain memory) {
        return ISimpleDstackVerifier.PointChain({
            appId: chain.appId,
            purpose: chain.purpose,
            appKey: app,
            derivedKey: derived,
            appSignature: chain.appSignature,
            kmsSignature: chain.kmsSignature
        });
    }

    function goodPoints() internal returns (ISimpleDstackVerifier.PointChain memory) {
        return withPoints(goodChain(), pointOf(APP_SECRET), pointOf(DERIVED_SECRET));
    }

    function copy(bytes memory data) internal pure returns (bytes memory) {
        return bytes.concat(data);
    }

    /// The other signature over the same message: (r, N - s) with the recovery id flipped.
    function mirrored(bytes memory signature) internal pure returns (bytes memory) {
        (bytes32 r, uint256 s) = abi.decode(slice(signature, 0, 64), (bytes32, uint256));
        uint8 v = uint8(signature[64]);
        return abi.encodePacked(r, N - s, v < 27 ? v ^ 1 : 55 - v);
    }

    function slice(bytes memory data, uint256 from, uint256 length)
        internal
        pure
        returns (bytes memory part)
    {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = data[from + i];
        }
    }

    function withLast(bytes memory data, uint8 last) internal pure returns (bytes memory changed) {
        changed = copy(data);
        changed[changed.length - 1] = bytes1(last);
    }
}
