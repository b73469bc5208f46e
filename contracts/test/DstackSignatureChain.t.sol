// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {DstackSignatureChain} from "../libraries/DstackSignatureChain.sol";
import {SignatureChainFixture} from "./helpers/SignatureChainFixture.sol";

contract DstackSignatureChainTest is SignatureChainFixture {
    DstackSignatureChain.Part internal constant PART = DstackSignatureChain.Part.DerivedKey;

    function decompress(bytes calldata key)
        external
        view
        returns (DstackSignatureChain.Point memory)
    {
        return DstackSignatureChain.decompress(PART, key);
    }

    function requireOnCurve(uint256 x, uint256 y) external pure {
        DstackSignatureChain.requireOnCurve(PART, DstackSignatureChain.Point(x, y));
    }

    function recover(bytes32 digest, bytes calldata signature) external pure returns (address) {
        return DstackSignatureChain.recoverMessageSigner(digest, signature);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     HEX OF
    //////////////////////////////////////////////////////////////////////////*/

    function test_HexOf_WhenTheValueIsAny(uint256 value) public pure {
        (bytes32 high, bytes32 low) = DstackSignatureChain.hexOf(value);
        assertEq(string(abi.encodePacked(high, low)), naiveHex(abi.encodePacked(value)));
    }

    function test_HexOf_WhenOneDigitIsInOnePlace() public pure {
        for (uint256 digit = 0; digit < 16; ++digit) {
            for (uint256 place = 0; place < 64; ++place) {
                uint256 value = digit << (4 * place);
                (bytes32 high, bytes32 low) = DstackSignatureChain.hexOf(value);
                assertEq(string(abi.encodePacked(high, low)), naiveHex(abi.encodePacked(value)));
            }
        }
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   DECOMPRESS
    //////////////////////////////////////////////////////////////////////////*/

    function test_Decompress_WhenTheKeyWasCompressed(uint256 seed) public {
        DstackSignatureChain.Point memory point = pointOf(secret(seed));
        DstackSignatureChain.Point memory found = this.decompress(compress(point));
        assertEq(found.x, point.x);
        assertEq(found.y, point.y);
    }

    function test_Decompress_WhenTheKeyIsAny(uint256 x, bool odd) public view {
        bytes memory key = abi.encodePacked(uint8(odd ? 3 : 2), x);
        try this.decompress(key) returns (DstackSignatureChain.Point memory point) {
            this.requireOnCurve(point.x, point.y);
            assertEq(compress(point), key);
        } catch (bytes memory reason) {
            assertEq(bytes4(reason), DstackSignatureChain.PublicKeyNotOnCurve.selector);
        }
    }

    /// x = 5 is the smallest that belongs to no point: 5^3 + 7 = 132 is not a square.
    function test_Decompress_RevertWhen_NoPointHasThisX() public {
        bytes memory key = abi.encodePacked(uint8(2), uint256(5));
        vm.expectRevert(
            abi.encodeWithSelector(DstackSignatureChain.PublicKeyNotOnCurve.selector, PART, 5, 0)
        );
        this.decompress(key);
    }

    function test_Decompress_RevertWhen_TheLengthIsNot33(uint256 seed, uint8 length) public {
        vm.assume(length != 33);
        bytes memory key = publicKey(secret(seed));
        bytes memory other =
            length < 33 ? slice(key, 0, length) : bytes.concat(key, new bytes(length - 33));
        vm.expectRevert(
            abi.encodeWithSelector(DstackSignatureChain.PublicKeyLength.selector, PART, length)
        );
        this.decompress(other);
    }

    function test_Decompress_RevertWhen_ThePrefixIsNot2Or3(uint256 seed, uint8 prefix) public {
        vm.assume(prefix != 2 && prefix != 3);
        bytes memory key = publicKey(secret(seed));
        key[0] = bytes1(prefix);
        vm.expectRevert(
            abi.encodeWithSelector(DstackSignatureChain.PublicKeyPrefix.selector, PART, prefix)
        );
        this.decompress(key);
    }

    /// Its own gas is all that can fail it, and then there is hardly any left to say so.
    function test_Decompress_RevertGiven_ThePrecompileFails() public {
        bytes memory call = abi.encodeCall(this.decompress, (publicKey(APP_SECRET)));
        vm.mockCallRevert(address(5), bytes(""), bytes(""));
        (bool done, bytes memory reason) = address(this).staticcall(call);
        assertFalse(done);
        assertEq(reason.length, 0);
        vm.mockCall(address(5), bytes(""), bytes(""));
        (done, reason) = address(this).staticcall(call);
        assertFalse(done);
        assertEq(reason.length, 0);
        // Not even the right root counts that comes with a failure.
        vm.mockCallRevert(address(5), bytes(""), abi.encode(pointOf(APP_SECRET).y));
        (done, reason) = address(this).staticcall(call);
        assertFalse(done);
        assertEq(reason.length, 0);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   TO ADDRESS
    //////////////////////////////////////////////////////////////////////////*/

    function test_ToAddress_ShouldBeTheAddressOfTheSecret(uint256 seed) public {
        uint256 key = secret(seed);
        assertEq(DstackSignatureChain.toAddress(pointOf(key)), vm.addr(key));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                REQUIRE ON CURVE
    //////////////////////////////////////////////////////////////////////////*/

    function test_RequireOnCurve_WhenThePointIsOnTheCurve(uint256 seed) public {
        DstackSignatureChain.Point memory point = pointOf(secret(seed));
        this.requireOnCurve(point.x, point.y);
        this.requireOnCurve(point.x, P - point.y);
    }

    function test_RequireOnCurve_RevertWhen_ThePointIsOffTheCurve(uint256 seed, uint256 y) public {
        DstackSignatureChain.Point memory point = pointOf(secret(seed));
        vm.assume(y != point.y && y != P - point.y);
        vm.expectRevert(
            abi.encodeWithSelector(
                DstackSignatureChain.PublicKeyNotOnCurve.selector, PART, point.x, y
            )
        );
        this.requireOnCurve(point.x, y);
    }

    function test_RequireOnCurve_RevertWhen_ThePointIsTheOrigin() public {
        vm.expectPartialRevert(DstackSignatureChain.PublicKeyNotOnCurve.selector);
        this.requireOnCurve(0, 0);
    }

    /// x = 1 belongs to a point, so 1 + P is the same class written in another way.
    function test_RequireOnCurve_RevertWhen_ACoordinateIsNotReduced() public {
        bytes memory one = abi.encodePacked(uint8(2), uint256(1));
        DstackSignatureChain.Point memory point = this.decompress(one);
        this.requireOnCurve(1, point.y);

        vm.expectPartialRevert(DstackSignatureChain.PublicKeyNotOnCurve.selector);
        this.requireOnCurve(1 + P, point.y);
        bytes memory key = abi.encodePacked(uint8(2), 1 + P);
        vm.expectRevert(
            abi.encodeWithSelector(
                DstackSignatureChain.PublicKeyNotOnCurve.selector, PART, 1 + P, 0
            )
        );
        this.decompress(key);
    }

    /// A point with a y small enough that y + P still fits into a word: x^3 = 1 - 7 + ... is found
    /// by walking up from y = 1 until y^2 - 7 is a cube.
    function test_RequireOnCurve_RevertWhen_YIsNotReduced() public {
        // 3 divides P - 1 but 9 does not, so a cube c has the root c^((P + 2) / 9).
        for (uint256 y = 1;; ++y) {
            uint256 cube = addmod(mulmod(y, y, P), P - 7, P);
            uint256 x = power(cube, (P + 2) / 9);
            if (mulmod(mulmod(x, x, P), x, P) != cube) continue;
            this.requireOnCurve(x, y);
            vm.expectPartialRevert(DstackSignatureChain.PublicKeyNotOnCurve.selector);
            this.requireOnCurve(x, y + P);
            return;
        }
    }

    /*//////////////////////////////////////////////////////////////////////////
                             RECOVER MESSAGE SIGNER
    //////////////////////////////////////////////////////////////////////////*/

    function test_RecoverMessageSigner_WhenTheSignatureIsGood(uint256 seed, bytes32 digest)
        public
        view
    {
        uint256 key = secret(seed);
        assertEq(this.recover(digest, ethereumStyle(key, digest)), vm.addr(key));
    }

    function test_RecoverMessageSigner_RevertWhen_SIsHigh(uint256 seed, bytes32 digest) public {
        bytes memory signature = mirrored(ethereumStyle(secret(seed), digest));
        vm.expectPartialRevert(DstackSignatureChain.SignatureHighS.selector);
        this.recover(digest, signature);
    }

    /// The boundary itself is low; one above is high. Neither is a signature of anybody.
    function test_RecoverMessageSigner_WhenSIsHalfTheOrder() public {
        bytes memory low = abi.encodePacked(bytes32(uint256(1)), N / 2, uint8(27));
        this.recover("digest", low);
        bytes memory high = abi.encodePacked(bytes32(uint256(1)), N / 2 + 1, uint8(27));
        vm.expectRevert(
            abi.encodeWithSelector(
                DstackSignatureChain.SignatureHighS.selector,
                DstackSignatureChain.Part.MessageSignature,
                N / 2 + 1
            )
        );
        this.recover("digest", high);
    }

    function test_RecoverMessageSigner_RevertWhen_VIsNot27Or28(
        uint256 seed,
        bytes32 digest,
        uint8 v
    ) public {
        vm.assume(v != 27 && v != 28);
        bytes memory signature = withLast(ethereumStyle(secret(seed), digest), v);
        vm.expectRevert(
            abi.encodeWithSelector(
                DstackSignatureChain.SignatureRecoveryId.selector,
                DstackSignatureChain.Part.MessageSignature,
                v
            )
        );
        this.recover(digest, signature);
    }

    function test_RecoverMessageSigner_RevertWhen_TheLengthIsNot65(uint8 length) public {
        vm.assume(length != 65);
        vm.expectRevert(
            abi.encodeWithSelector(
                DstackSignatureChain.SignatureLength.selector,
                DstackSignatureChain.Part.MessageSignature,
                length
            )
        );
        this.recover("digest", new bytes(length));
    }

    function test_RecoverMessageSigner_RevertWhen_NobodyCanHaveSigned() public {
        bytes memory zeros = abi.encodePacked(bytes32(0), bytes32(0), uint8(27));
        vm.expectRevert(
            abi.encodeWithSelector(
                DstackSignatureChain.SignatureUnrecoverable.selector,
                DstackSignatureChain.Part.MessageSignature
            )
        );
        this.recover("digest", zeros);
    }

    function power(uint256 base, uint256 exponent) private pure returns (uint256 result) {
        result = 1;
        for (; exponent != 0; exponent >>= 1) {
            if (exponent & 1 == 1) result = mulmod(result, base, P);
            base = mulmod(base, base, P);
        }
    }
}
