// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @title A stand-in for a Safe, for local chains
/// @notice Answers what tools ask a Safe, and computes the hash that its owners sign from the formula that
/// safe-smart-account publishes for version 1.3.0 and later: keccak256(0x19 0x01, domain, transaction), with the
/// domain over chain id and address. Its one owner executes: signatures are not what is tried out here.
contract LocalSafe {
    string public constant VERSION = "1.4.1";
    uint256 public nonce;
    address private immutable _owner;

    error NotOwner(address caller);
    error CallFailed(bytes reason);

    constructor(address owner) {
        _owner = owner;
    }

    function getThreshold() external pure returns (uint256) {
        return 1;
    }

    function getOwners() external view returns (address[] memory owners) {
        owners = new address[](1);
        owners[0] = _owner;
    }

    function domainSeparator() public view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(uint256 chainId,address verifyingContract)"),
                block.chainid,
                address(this)
            )
        );
    }

    function getTransactionHash(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address refundReceiver,
        uint256 nonce_
    ) public view returns (bytes32) {
        bytes memory head = abi.encode(
            keccak256(
                "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
            ),
            to,
            value,
            keccak256(data),
            operation,
            safeTxGas
        );
        bytes memory tail = abi.encode(baseGas, gasPrice, gasToken, refundReceiver, nonce_);
        return keccak256(
            abi.encodePacked(bytes2(0x1901), domainSeparator(), keccak256(bytes.concat(head, tail)))
        );
    }

    /// @notice Executes a call, as the Safe does once enough owners have signed its hash.
    function execute(address to, bytes calldata data) external {
        if (msg.sender != _owner) revert NotOwner(msg.sender);
        ++nonce;
        (bool done, bytes memory reason) = to.call(data);
        if (!done) revert CallFailed(reason);
    }
}
