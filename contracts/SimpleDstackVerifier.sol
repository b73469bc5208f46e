// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {ISimpleDstackVerifier} from "./interfaces/ISimpleDstackVerifier.sol";
import {DstackSignatureChain} from "./libraries/DstackSignatureChain.sol";

/// @title SimpleDstackVerifier
/// @notice Checks dstack signature chains against one KMS root, pinned at construction. No owner,
/// no storage, no upgrade. The rules are in {DstackSignatureChain}.
contract SimpleDstackVerifier is ISimpleDstackVerifier {
    using DstackSignatureChain for DstackSignatureChain.Point;

    /// @inheritdoc ISimpleDstackVerifier
    address public immutable kmsRoot;

    /// @param kmsRoot_ Address of the KMS root key, not zero.
    constructor(address kmsRoot_) {
        if (kmsRoot_ == address(0)) revert ZeroKmsRoot();
        kmsRoot = kmsRoot_;
    }

    /// @inheritdoc ISimpleDstackVerifier
    function verify(Chain calldata chain) public view returns (address derived) {
        DstackSignatureChain.Point memory appKey =
            DstackSignatureChain.decompress(DstackSignatureChain.Part.AppKey, chain.appKey);
        DstackSignatureChain.Point memory derivedKey =
            DstackSignatureChain.decompress(DstackSignatureChain.Part.DerivedKey, chain.derivedKey);
        address appSigner =
            DstackSignatureChain.checkKmsLink(kmsRoot, chain.appId, appKey, chain.kmsSignature);
        return
            DstackSignatureChain.checkAppLink(
                appSigner, chain.purpose, derivedKey, chain.appSignature
            );
    }

    /// @inheritdoc ISimpleDstackVerifier
    function verifyPoints(PointChain calldata chain) public view returns (address derived) {
        DstackSignatureChain.Point memory key = chain.appKey;
        DstackSignatureChain.requireOnCurve(DstackSignatureChain.Part.AppKey, key);
        address appSigner =
            DstackSignatureChain.checkKmsLink(kmsRoot, chain.appId, key, chain.kmsSignature);

        key = chain.derivedKey;
        DstackSignatureChain.requireOnCurve(DstackSignatureChain.Part.DerivedKey, key);
        return DstackSignatureChain.checkAppLink(appSigner, chain.purpose, key, chain.appSignature);
    }

    /// @inheritdoc ISimpleDstackVerifier
    function verifyMessage(PointChain calldata chain, bytes32 digest, bytes calldata signature)
        external
        view
        returns (address derived)
    {
        derived = verifyPoints(chain);
        DstackSignatureChain.checkMessage(derived, digest, signature);
    }

    /// @inheritdoc ISimpleDstackVerifier
    function isValid(Chain calldata chain) external view returns (bool) {
        return _succeeds(abi.encodeCall(this.verify, (chain)));
    }

    /// @inheritdoc ISimpleDstackVerifier
    function isValidPoints(PointChain calldata chain) external view returns (bool) {
        return _succeeds(abi.encodeCall(this.verifyPoints, (chain)));
    }

    /// @inheritdoc ISimpleDstackVerifier
    /// @dev Parameters in memory: eight of them in calldata are more than the stack holds.
    function verifySignatureChain(
        bytes32 appId,
        bytes memory appSignature,
        bytes memory kmsSignature,
        address appKeyAddress,
        bytes memory derivedCompressedPubkey,
        bytes memory appCompressedPubkey,
        string memory purpose,
        address expectedKmsRoot
    ) public view returns (bool) {
        // forge-lint: disable-next-line(unsafe-typecast) what is cut off is checked to be zero.
        bytes20 id = bytes20(appId);
        if (expectedKmsRoot != kmsRoot || bytes32(id) != appId) return false;
        Chain memory chain = Chain({
            appId: id,
            purpose: purpose,
            appKey: appCompressedPubkey,
            derivedKey: derivedCompressedPubkey,
            appSignature: appSignature,
            kmsSignature: kmsSignature
        });
        if (!_succeeds(abi.encodeCall(this.verify, (chain)))) return false;
        // Redundant for a chain that verifies, and what callers of this shape believe it means.
        return this.addressOf(appCompressedPubkey) == appKeyAddress;
    }

    /// @inheritdoc ISimpleDstackVerifier
    function addressOf(bytes calldata key) external view returns (address) {
        return
            DstackSignatureChain.decompress(DstackSignatureChain.Part.DerivedKey, key).toAddress();
    }

    /// @dev Asks this very contract, so that a yes here can be nothing but a yes there. Everything
    /// that is wrong with a chain is a revert with data, so a revert without is no verdict.
    function _succeeds(bytes memory call) private view returns (bool) {
        (bool done, bytes memory answer) = address(this).staticcall(call);
        if (!done && answer.length == 0) revert CouldNotTell();
        return done;
    }
}
