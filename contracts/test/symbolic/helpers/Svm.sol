// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @notice The cheat codes of halmos that the proofs use.
interface Svm {
    function createUint256(string calldata name) external returns (uint256);
    function createUint(uint256 bits, string calldata name) external returns (uint256);
    function createBytes32(string calldata name) external returns (bytes32);
    function createBytes(uint256 size, string calldata name) external returns (bytes memory);
    function createAddress(string calldata name) external returns (address);
    function createBool(string calldata name) external returns (bool);
    /// Any call of any function of a contract that may change state, with any arguments.
    function createCalldata(string calldata contractName) external returns (bytes memory);
    /// Whatever was not written yet in the storage of this account may be anything.
    function enableSymbolicStorage(address account) external;
}

/// @notice The cheat codes of Foundry that the proofs use, and halmos knows. forge-std would be
/// compiled with every run.
interface Vm {
    function assume(bool condition) external pure;
    function warp(uint256 time) external;
    function roll(uint256 number) external;
    function prank(address sender) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function etch(address account, bytes calldata code) external;
}

Svm constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
