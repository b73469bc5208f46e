// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @title Verification of dstack signature chains
/// @notice A dstack KMS vouches for a key an app derived inside its TEE with two signatures:
///
///     KMS root -> app key      keccak256("dstack-kms-issued:" || app id (20 bytes) || app key (33 bytes))
///     app key  -> derived key  keccak256(purpose || ":" || lower-case hex of the derived key (66 characters))
///
/// Formats: dstack, `kms/src/crypto.rs` (first link) and `guest-agent/src/rpc_service.rs` (second
/// link). Keys are SEC 1 compressed secp256k1 keys; the hex has no `0x`. Both signatures are 65
/// bytes r || s || recovery id, the id being 0 or 1 as the KMS writes it.
///
/// WHAT IS BOUND. The key that made the second signature is the very key the first one vouches
/// for: {checkKmsLink} returns the address of the key in the signed message and {checkAppLink}
/// demands exactly that signer. No address of an intermediate key is ever taken from the caller.
///
/// ONE ENCODING. High s, any other recovery id or length, a compressed key with another prefix or
/// length, coordinates that are not reduced, and points off the curve are refused, so a chain has
/// one accepted form per signing. Still do not use signature bytes as an identifier: a signer can
/// always sign again.
///
/// WHAT A CHAIN DOES NOT SAY. dstack derives keys from the app id and the path alone. A valid chain
/// proves that some code once authorised for the app id held the key, never which compose hash; it
/// has no time, and removing a hash takes no key back. `purpose` is chosen by whoever reaches the
/// guest agent's socket and plays no part in the derivation: the same key can carry many purposes.
///
/// @dev Every failure is a typed error with data. A revert without data means that the call ran out
/// of gas; callers that turn failures into `false` rely on that difference.
library DstackSignatureChain {
    /*//////////////////////////////////////////////////////////////////////////
                                      TYPES
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice An affine secp256k1 point.
    /// @param x First coordinate, below the field prime.
    /// @param y Second coordinate, below the field prime.
    struct Point {
        uint256 x;
        uint256 y;
    }

    /// @notice The piece of input an error is about.
    enum Part {
        /// The KMS root's signature over the app id and the app key.
        KmsSignature,
        /// The app key's signature over the purpose and the derived key.
        AppSignature,
        /// The derived key's signature over a message.
        MessageSignature,
        /// The app's public key.
        AppKey,
        /// The derived public key.
        DerivedKey
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      ERRORS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice A signature is not exactly 65 bytes long.
    error SignatureLength(Part part, uint256 length);

    /// @notice The last byte of a signature is not in its one accepted encoding: 0 or 1 in a chain
    /// (KMS), 27 or 28 for a message (Ethereum signers).
    error SignatureRecoveryId(Part part, uint8 v);

    /// @notice The s of a signature is above half the group order.
    error SignatureHighS(Part part, uint256 s);

    /// @notice No key can have made this signature (ecrecover answers with the zero address).
    error SignatureUnrecoverable(Part part);

    /// @notice The signature was made by another key than the one that must have made it, or over
    /// another message (app id, key or purpose).
    error WrongSigner(Part part, address recovered, address expected);

    /// @notice A compressed public key is not exactly 33 bytes long.
    error PublicKeyLength(Part part, uint256 length);

    /// @notice A compressed public key starts with a byte other than 02 or 03.
    error PublicKeyPrefix(Part part, uint8 prefix);

    /// @notice No point of secp256k1 has these coordinates (y is 0 where only x was given).
    error PublicKeyNotOnCurve(Part part, uint256 x, uint256 y);

    /*//////////////////////////////////////////////////////////////////////////
                                    CONSTANTS
    //////////////////////////////////////////////////////////////////////////*/

    /// @dev The field prime, 2^256 - 2^32 - 977 (SEC 2, section 2.4.1).
    uint256 internal constant P =
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;

    /// @dev Half the group order, rounded down: the largest s that counts as low (EIP-2).
    uint256 internal constant HALF_N =
        0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @dev (P + 1) / 4. P is 3 modulo 4, so a square's root is its power to this.
    uint256 private constant SQRT_EXPONENT =
        0x3FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFBFFFFF0C;

    /// @dev The recovery id of 0 (27 in Ethereum's signatures, as its precompile takes it).
    uint8 private constant ETHEREUM_V = 27;

    /*//////////////////////////////////////////////////////////////////////////
                                      LINKS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Checks the first link: `root` signed `appKey` for `appId`.
    /// @param root Address of the KMS root key. Must come from a trusted place, never from whoever
    /// presents the chain. Zero is refused by construction: a recovered signer is never zero.
    /// @param appId App id: the 20 bytes the KMS signs, which are also the app contract's address.
    /// @param appKey The app's public key; must be known to lie on the curve.
    /// @param kmsSignature 65 bytes r || s || recovery id (0 or 1).
    /// @return appSigner Address of `appKey`, the only signer the second link may have.
    function checkKmsLink(
        address root,
        bytes20 appId,
        Point memory appKey,
        bytes calldata kmsSignature
    ) internal pure returns (address appSigner) {
        bytes32 digest = keccak256(
            abi.encodePacked("dstack-kms-issued:", appId, _prefix(appKey.y), appKey.x)
        );
        _requireSigner(Part.KmsSignature, root, digest, kmsSignature, 0);
        return toAddress(appKey);
    }

    /// @notice Checks the second link: `appSigner` signed `derivedKey` for `purpose`.
    /// @param appSigner What {checkKmsLink} returned.
    /// @param purpose The purpose the caller demands, not one the presenter chose. It cannot run
    /// into the key: the 67 bytes behind it have a fixed length.
    /// @param derivedKey The derived public key; must be known to lie on the curve.
    /// @param appSignature 65 bytes r || s || recovery id (0 or 1).
    /// @return derived Address of `derivedKey`.
    function checkAppLink(
        address appSigner,
        string calldata purpose,
        Point memory derivedKey,
        bytes calldata appSignature
    ) internal pure returns (address derived) {
        (bytes32 high, bytes32 low) = hexOf(derivedKey.x);
        bytes3 head = derivedKey.y & 1 == 0 ? bytes3(":02") : bytes3(":03");
        bytes32 digest = keccak256(abi.encodePacked(purpose, head, high, low));
        _requireSigner(Part.AppSignature, appSigner, digest, appSignature, 0);
        return toAddress(derivedKey);
    }

    /// @notice Checks a signature made with the derived key.
    /// @param derived What {checkAppLink} returned.
    /// @param digest The 32 bytes that were signed. It should commit to everything that makes the
    /// statement unique: chain, contract, nonce, time.
    /// @param signature 65 bytes r || s || v, v being 27 or 28: messages are signed by Ethereum
    /// libraries, which write v so, unlike the KMS.
    function checkMessage(address derived, bytes32 digest, bytes calldata signature) internal pure {
        _requireSigner(Part.MessageSignature, derived, digest, signature, ETHEREUM_V);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    SIGNATURES
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice The signer of a message signature (v 27 or 28), never zero.
    /// @param digest The 32 bytes that were signed.
    /// @param signature 65 bytes r || s || v.
    function recoverMessageSigner(bytes32 digest, bytes calldata signature)
        internal
        pure
        returns (address)
    {
        return _recover(Part.MessageSignature, digest, signature, ETHEREUM_V);
    }

    function _requireSigner(
        Part part,
        address expected,
        bytes32 digest,
        bytes calldata signature,
        uint8 firstV
    ) private pure {
        address recovered = _recover(part, digest, signature, firstV);
        if (recovered != expected) revert WrongSigner(part, recovered, expected);
    }

    /// @dev `firstV` is how the signature writes recovery id 0; the only other value is one more.
    function _recover(Part part, bytes32 digest, bytes calldata signature, uint8 firstV)
        private
        pure
        returns (address recovered)
    {
        if (signature.length != 65) revert SignatureLength(part, signature.length);
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            // The length is known: all three reads stay inside the signature.
            r := calldataload(signature.offset)
            s := calldataload(add(signature.offset, 32))
            v := byte(0, calldataload(add(signature.offset, 64)))
        }
        unchecked {
            // Wraps around below firstV, which is as far from 0 or 1 as above it.
            if (uint8(v - firstV) > 1) revert SignatureRecoveryId(part, v);
            v = v - firstV + ETHEREUM_V;
        }
        if (uint256(s) > HALF_N) revert SignatureHighS(part, uint256(s));
        recovered = ecrecover(digest, v, r, s);
        // Zero is how the precompile says "no such key". It must never be compared with anything.
        if (recovered == address(0)) revert SignatureUnrecoverable(part);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                       KEYS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Reverts unless the coordinates are reduced and lie on y^2 = x^3 + 7. The point at
    /// infinity has no coordinates and (0, 0) is not on the curve.
    function requireOnCurve(Part part, Point memory key) internal pure {
        if (key.x >= P || key.y >= P || mulmod(key.y, key.y, P) != _rightSide(key.x)) {
            revert PublicKeyNotOnCurve(part, key.x, key.y);
        }
    }

    /// @notice The point of a SEC 1 compressed key (section 2.3.4): 02 or 03, then x.
    /// @dev One call of the modular exponentiation precompile (address 5, EIP-198).
    function decompress(Part part, bytes calldata key) internal view returns (Point memory point) {
        if (key.length != 33) revert PublicKeyLength(part, key.length);
        uint8 prefix = uint8(key[0]);
        if (prefix != 2 && prefix != 3) revert PublicKeyPrefix(part, prefix);
        uint256 x = uint256(bytes32(key[1:33]));
        if (x >= P) revert PublicKeyNotOnCurve(part, x, 0);

        uint256 square = _rightSide(x);
        uint256 y = _power(square, SQRT_EXPONENT);
        // The power is a root only if there is one: half of all x belong to no point.
        if (mulmod(y, y, P) != square) revert PublicKeyNotOnCurve(part, x, 0);
        // y is never 0 (the group has odd order), so exactly one of y and P - y has this parity.
        if (y & 1 != prefix & 1) y = P - y;
        return Point(x, y);
    }

    /// @notice The Ethereum address of a key: the last 20 bytes of keccak256(x || y).
    function toAddress(Point memory key) internal pure returns (address account) {
        assembly ("memory-safe") {
            // A Point in memory is x || y, and all of it is hashed.
            account := and(keccak256(key, 64), 0xffffffffffffffffffffffffffffffffffffffff)
        }
    }

    /// @notice The lower-case hex digits of 32 bytes, as two words of 32 characters.
    function hexOf(uint256 value) internal pure returns (bytes32 high, bytes32 low) {
        return (_hexOf16(value >> 128), _hexOf16(value & type(uint128).max));
    }

    /// @dev Hex of the low 16 bytes of `n`; the upper 16 must be zero. All 32 digits are worked out
    /// at once, one per byte lane: halve the runs until each lane holds one digit, then add '0' to
    /// each, and 'a' - '0' - 10 = 39 more to those above 9 (the ones that carry when 6 is added).
    function _hexOf16(uint256 n) private pure returns (bytes32) {
        unchecked {
            n = (n | n << 64) & 0x0000000000000000FFFFFFFFFFFFFFFF0000000000000000FFFFFFFFFFFFFFFF;
            n = (n | n << 32) & 0x00000000FFFFFFFF00000000FFFFFFFF00000000FFFFFFFF00000000FFFFFFFF;
            n = (n | n << 16) & 0x0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF;
            n = (n | n << 8) & 0x00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF;
            n = (n | n << 4) & 0x0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F;
            uint256 letters =
                (n + 0x0606060606060606060606060606060606060606060606060606060606060606) >> 4
                    & 0x0101010101010101010101010101010101010101010101010101010101010101;
            return bytes32(
                n + 0x3030303030303030303030303030303030303030303030303030303030303030 + letters
                    * 39
            );
        }
    }

    function _prefix(uint256 y) private pure returns (bytes1) {
        return y & 1 == 0 ? bytes1(0x02) : bytes1(0x03);
    }

    /// @dev x^3 + 7 in the field.
    function _rightSide(uint256 x) private pure returns (uint256) {
        return addmod(mulmod(mulmod(x, x, P), x, P), 7, P);
    }

    function _power(uint256 base, uint256 exponent) private view returns (uint256) {
        (bool done, bytes memory result) =
            address(5).staticcall(abi.encode(32, 32, 32, base, exponent, P));
        // The precompile fails only for want of gas. No data: see the library's @dev.
        if (!done || result.length != 32) {
            assembly ("memory-safe") {
                revert(0, 0)
            }
        }
        return abi.decode(result, (uint256));
    }
}
