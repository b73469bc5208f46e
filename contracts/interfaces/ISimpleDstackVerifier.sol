// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {DstackSignatureChain} from "../libraries/DstackSignatureChain.sol";

/// @title ISimpleDstackVerifier
/// @notice Checks dstack signature chains against one KMS root. What a chain is, what it binds and
/// what it does not say: {DstackSignatureChain}, which also declares the errors of every function
/// here that reverts.
interface ISimpleDstackVerifier {
    /// @notice A chain with its keys as dstack hands them out.
    /// @param appId App id, the 20 bytes of the app contract's address.
    /// @param purpose The purpose the caller demands, UTF-8, without the ":" that follows it.
    /// @param appKey The app's public key, 33 bytes, SEC 1 compressed.
    /// @param derivedKey The derived public key, 33 bytes, SEC 1 compressed.
    /// @param appSignature `signature_chain[0]`: 65 bytes r || s || recovery id (0 or 1).
    /// @param kmsSignature `signature_chain[1]`: 65 bytes r || s || recovery id (0 or 1).
    struct Chain {
        bytes20 appId;
        string purpose;
        bytes appKey;
        bytes derivedKey;
        bytes appSignature;
        bytes kmsSignature;
    }

    /// @notice The same chain with its keys as points, which spares two square roots.
    /// @param appId App id, the 20 bytes of the app contract's address.
    /// @param purpose The purpose the caller demands, UTF-8, without the ":" that follows it.
    /// @param appKey The app's public key.
    /// @param derivedKey The derived public key.
    /// @param appSignature `signature_chain[0]`: 65 bytes r || s || recovery id (0 or 1).
    /// @param kmsSignature `signature_chain[1]`: 65 bytes r || s || recovery id (0 or 1).
    struct PointChain {
        bytes20 appId;
        string purpose;
        DstackSignatureChain.Point appKey;
        DstackSignatureChain.Point derivedKey;
        bytes appSignature;
        bytes kmsSignature;
    }

    /// @notice The KMS root cannot be the zero address.
    error ZeroKmsRoot();

    /// @notice The check ended without a reason, which only a lack of gas explains: the answer is
    /// neither yes nor no.
    error CouldNotTell();

    /// @notice Address of the KMS root key every chain must lead to. Fixed for ever. It is the
    /// address of `kmsInfo().k256Pubkey` of a DstackKms, not the address of that contract.
    function kmsRoot() external view returns (address);

    /// @notice Checks a chain and reverts with what is wrong with it.
    /// @return derived Address of the derived key.
    function verify(Chain calldata chain) external view returns (address derived);

    /// @notice Checks a chain whose keys are given as points; the cheap way.
    /// @return derived Address of the derived key.
    function verifyPoints(PointChain calldata chain) external view returns (address derived);

    /// @notice Checks a chain and a signature made with the derived key.
    /// @param chain The chain.
    /// @param digest The 32 bytes that were signed. Freshness and uniqueness are the caller's:
    /// commit to the chain, the contract, a nonce and a time in it.
    /// @param signature 65 bytes r || s || v, v being 27 or 28 as Ethereum signers write it (the
    /// chain's own signatures have 0 or 1).
    /// @return derived Address of the derived key, which signed `digest`.
    function verifyMessage(PointChain calldata chain, bytes32 digest, bytes calldata signature)
        external
        view
        returns (address derived);

    /// @notice Whether {verify} accepts the chain. Reverts with {CouldNotTell} when out of gas.
    function isValid(Chain calldata chain) external view returns (bool);

    /// @notice Whether {verifyPoints} accepts the chain. Reverts with {CouldNotTell} when out of
    /// gas.
    function isValidPoints(PointChain calldata chain) external view returns (bool);

    /// @notice The same question in the shape of the SimpleDstackVerifier that dstack's examples
    /// publish, for code written against that. Unlike there, the app key must be the one the KMS
    /// signed, and the root is the pinned one.
    /// @param appId App id in the first 20 bytes; the other 12 must be zero. A left-padded address
    /// is another app id, and mostly one with dirty low bytes.
    /// @param appSignature 65 bytes r || s || recovery id (0 or 1).
    /// @param kmsSignature 65 bytes r || s || recovery id (0 or 1).
    /// @param appKeyAddress Must be the address of `appCompressedPubkey`.
    /// @param derivedCompressedPubkey 33 bytes, SEC 1 compressed.
    /// @param appCompressedPubkey 33 bytes, SEC 1 compressed.
    /// @param purpose The purpose the caller demands.
    /// @param expectedKmsRoot Must be {kmsRoot}.
    /// @return Whether all of it holds. Reverts with {CouldNotTell} when out of gas.
    function verifySignatureChain(
        bytes32 appId,
        bytes calldata appSignature,
        bytes calldata kmsSignature,
        address appKeyAddress,
        bytes calldata derivedCompressedPubkey,
        bytes calldata appCompressedPubkey,
        string calldata purpose,
        address expectedKmsRoot
    ) external view returns (bool);

    /// @notice Address of a compressed key, for instance of `kmsInfo().k256Pubkey`. Reverts with
    /// the errors of a derived key if it is not one.
    /// @param key 33 bytes, SEC 1 compressed.
    function addressOf(bytes calldata key) external view returns (address);
}
