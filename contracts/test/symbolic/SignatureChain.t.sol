// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {SimpleDstackVerifier} from "../../SimpleDstackVerifier.sol";
import {ISimpleDstackVerifier} from "../../interfaces/ISimpleDstackVerifier.sol";
import {DstackSignatureChain} from "../../libraries/DstackSignatureChain.sol";
import {svm, vm} from "./helpers/Svm.sol";

/// @notice A chain is accepted only if, with everything worked out again the long way, its two
/// signatures recover to the pinned root and to the very key the root signed. ecrecover, keccak256
/// and modular exponentiation may be any functions here: the proofs are about what they are asked.
contract SignatureChainProof {
    uint256 private constant P = 2 ** 256 - 2 ** 32 - 977;
    uint256 private constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    SimpleDstackVerifier private verifier;
    address private root;

    function setUp() public {
        root = svm.createAddress("root");
        vm.assume(root != address(0));
        verifier = new SimpleDstackVerifier(root);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                       NAIVE
    //////////////////////////////////////////////////////////////////////////*/

    function compressed(DstackSignatureChain.Point memory key) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(2 + key.y % 2), key.x);
    }

    /// Digit by digit.
    function hexOf(bytes memory data) private pure returns (bytes memory digits) {
        unchecked {
            digits = new bytes(2 * data.length);
            for (uint256 i = 0; i < data.length; ++i) {
                digits[2 * i] = digit(uint8(data[i]) / 16);
                digits[2 * i + 1] = digit(uint8(data[i]) % 16);
            }
        }
    }

    /// '0' to '9', then 'a' to 'f'; the comparison is a number, or each digit would be a fork.
    function digit(uint8 value) private pure returns (bytes1) {
        uint8 isLetter;
        assembly ("memory-safe") {
            isLetter := gt(value, 9)
        }
        unchecked {
            return bytes1(value + 48 + isLetter * 39);
        }
    }

    function kmsDigest(bytes20 appId, bytes memory appKey) private pure returns (bytes32) {
        return keccak256(bytes.concat("dstack-kms-issued:", appId, appKey));
    }

    function appDigest(string memory purpose, bytes memory derivedKey)
        private
        pure
        returns (bytes32)
    {
        return keccak256(bytes.concat(bytes(purpose), ":", hexOf(derivedKey)));
    }

    function addressOf(DstackSignatureChain.Point memory key) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(key.x, key.y)))));
    }

    /// Signed by this very address, low s, the last byte `firstV` or one more.
    function requireSigned(address by, bytes32 digest, bytes memory signature, uint8 firstV)
        private
        pure
    {
        assert(signature.length == 65);
        bytes32 r;
        bytes32 s;
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        uint8 v = uint8(signature[64]);
        assert(v == firstV || v == firstV + 1);
        assert(uint256(s) <= N / 2);
        address recovered = ecrecover(digest, 27 + v - firstV, r, s);
        assert(recovered == by && recovered != address(0));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                       PROOFS
    //////////////////////////////////////////////////////////////////////////*/

    /// Every key: 66 hex digits at once are the digits one by one.
    function check_hexOf(uint256 value) public pure {
        (bytes32 high, bytes32 low) = DstackSignatureChain.hexOf(value);
        bytes memory naive = hexOf(abi.encode(value));
        bytes32 first;
        bytes32 second;
        assembly ("memory-safe") {
            first := mload(add(naive, 32))
            second := mload(add(naive, 64))
        }
        assert(high == first);
        assert(low == second);
    }

    function anyPoint() private returns (DstackSignatureChain.Point memory) {
        return DstackSignatureChain.Point(svm.createUint256("x"), svm.createUint256("y"));
    }

    function check_verifyPoints(bytes20 appId) public {
        acceptsOnlyWhatIsSigned(appId, 65, 65, 20);
    }

    function check_verifyPoints_otherLengths(bool longer, bool kms) public {
        uint256 length = longer ? 66 : 64;
        acceptsOnlyWhatIsSigned(0, kms ? length : 65, kms ? 65 : length, 0);
    }

    function acceptsOnlyWhatIsSigned(bytes20 appId, uint256 kms, uint256 app, uint256 purpose)
        private
    {
        ISimpleDstackVerifier.PointChain memory chain;
        chain.appId = appId;
        chain.purpose = string(svm.createBytes(purpose, "purpose"));
        chain.appKey = anyPoint();
        chain.derivedKey = anyPoint();
        chain.kmsSignature = svm.createBytes(kms, "kmsSignature");
        chain.appSignature = svm.createBytes(app, "appSignature");
        try verifier.verifyPoints(chain) returns (address derived) {
            requireSigned(root, kmsDigest(appId, compressed(chain.appKey)), chain.kmsSignature, 0);
            requireSigned(
                addressOf(chain.appKey),
                appDigest(chain.purpose, compressed(chain.derivedKey)),
                chain.appSignature,
                0
            );
            assert(derived == addressOf(chain.derivedKey));
            assert(chain.appKey.x < P && chain.appKey.y < P);
            assert(chain.derivedKey.x < P && chain.derivedKey.y < P);
        } catch {}
    }

    function check_verifyMessage(bytes20 appId, bytes32 digest) public {
        ISimpleDstackVerifier.PointChain memory chain;
        chain.appId = appId;
        chain.purpose = "purpose";
        chain.appKey = anyPoint();
        chain.derivedKey = anyPoint();
        chain.kmsSignature = svm.createBytes(65, "kmsSignature");
        chain.appSignature = svm.createBytes(65, "appSignature");
        bytes memory signature = svm.createBytes(65, "signature");
        try verifier.verifyMessage(chain, digest, signature) returns (address derived) {
            requireSigned(derived, digest, signature, 27);
            assert(verifier.verifyPoints(chain) == derived);
        } catch {}
    }
}
