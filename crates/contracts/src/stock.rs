//! Stock dstack contracts, in declarations of our own. The signatures decide the selectors and
//! topics, which the tests compare with those of the deployed contracts.
#![allow(missing_docs, missing_debug_implementations, clippy::all)]

use alloy_sol_types::sol;

sol! {
    /// What a KMS knows about an instance that asks for its keys.
    #[derive(Debug, PartialEq, Eq)]
    struct AppBootInfo {
        address appId;
        bytes32 composeHash;
        address instanceId;
        bytes32 deviceId;
        bytes32 mrAggregated;
        bytes32 mrSystem;
        bytes32 osImageHash;
        string tcbStatus;
        string[] advisoryIds;
    }

    /// The contract of a stock app: every change is instant.
    #[derive(Debug, PartialEq, Eq)]
    interface DstackApp {
        event ComposeHashAdded(bytes32 composeHash);
        event ComposeHashRemoved(bytes32 composeHash);
        event DeviceAdded(bytes32 deviceId);
        event DeviceRemoved(bytes32 deviceId);
        event AllowAnyDeviceSet(bool allowAny);
        event RequireTcbUpToDateSet(bool requireUpToDate);
        event UpgradesDisabled();
        event PolicyChanged(address indexed actor, bytes32 indexed policy, bytes32 indexed value, bool enabled);
        event Upgraded(address indexed implementation);
        event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
        event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);

        function isAppAllowed(AppBootInfo calldata bootInfo) external view returns (bool isAllowed, string memory reason);
        function addComposeHash(bytes32 composeHash) external;
        function removeComposeHash(bytes32 composeHash) external;
        function addDevice(bytes32 deviceId) external;
        function removeDevice(bytes32 deviceId) external;
        function setAllowAnyDevice(bool allowAny) external;
        function setRequireTcbUpToDate(bool requireUpToDate) external;
        function allowedComposeHashes(bytes32 composeHash) external view returns (bool);
        function allowedDeviceIds(bytes32 deviceId) external view returns (bool);
        function allowAnyDevice() external view returns (bool);
        function requireTcbUpToDate() external view returns (bool);
        function disableUpgrades() external;
        function upgradeToAndCall(address newImplementation, bytes calldata data) external payable;
        function owner() external view returns (address);
        function pendingOwner() external view returns (address);
        function transferOwnership(address newOwner) external;
        function acceptOwnership() external;
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
    }

    /// The contract of a KMS: upgradeable, so this is what it says, not what it is bound to.
    #[derive(Debug, PartialEq, Eq)]
    interface DstackKms {
        event AppRegistered(address appId);
        event AppDeployedViaFactory(address indexed appId, address indexed deployer);
        event AppImplementationSet(address implementation);
        event KmsAggregatedMrAdded(bytes32 mrAggregated);
        event KmsAggregatedMrRemoved(bytes32 mrAggregated);
        event KmsDeviceAdded(bytes32 deviceId);
        event KmsDeviceRemoved(bytes32 deviceId);
        event OsImageHashAdded(bytes32 osImageHash);
        event OsImageHashRemoved(bytes32 osImageHash);
        event KmsInfoSet(bytes k256Pubkey);
        event GatewayAppIdSet(string gatewayAppId);
        event PolicyChanged(address indexed actor, bytes32 indexed policy, bytes32 indexed value, bool enabled);
        event Upgraded(address indexed implementation);
        event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
        event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);

        struct KmsInfo {
            bytes k256Pubkey;
            bytes caPubkey;
            bytes quote;
            bytes eventlog;
        }

        function registerApp(address appId) external;
        function deployAndRegisterApp(address initialOwner, bool disableUpgrades, bool requireTcbUpToDate, bool allowAnyDevice, bytes32 initialDeviceId, bytes32 initialComposeHash) external returns (address appId);
        function registeredApps(address appId) external view returns (bool);
        function allowedOsImages(bytes32 osImageHash) external view returns (bool);
        function addOsImageHash(bytes32 osImageHash) external;
        function removeOsImageHash(bytes32 osImageHash) external;
        function setKmsInfo(KmsInfo calldata info) external;
        function setGatewayAppId(string calldata appId) external;
        function setAppImplementation(address implementation) external;
        function addKmsAggregatedMr(bytes32 mrAggregated) external;
        function removeKmsAggregatedMr(bytes32 mrAggregated) external;
        function addKmsDevice(bytes32 deviceId) external;
        function removeKmsDevice(bytes32 deviceId) external;
        function kmsInfo() external view returns (bytes memory k256Pubkey, bytes memory caPubkey, bytes memory quote, bytes memory eventlog);
        function gatewayAppId() external view returns (string memory);
        function appImplementation() external view returns (address);
        function kmsAllowedAggregatedMrs(bytes32 mrAggregated) external view returns (bool);
        function kmsAllowedDeviceIds(bytes32 deviceId) external view returns (bool);
        function owner() external view returns (address);
        function transferOwnership(address newOwner) external;
        function acceptOwnership() external;
        function upgradeToAndCall(address newImplementation, bytes calldata data) external payable;
        function isAppAllowed(AppBootInfo calldata bootInfo) external view returns (bool isAllowed, string memory reason);
    }

    /// The KMS contract of the generation before: an app's id is given by it, and is no contract.
    #[derive(Debug, PartialEq, Eq)]
    interface LegacyKmsAuth {
        event AppDeployedViaFactory(address indexed appId, address indexed proxyAddress, address indexed deployer);
        event AppAuthImplementationSet(address implementation);

        function apps(address appId) external view returns (bool isRegistered, address controller);
        function nextAppId() external view returns (address appId);
        function registerApp(address controller) external;
        function deployAndRegisterApp(address initialOwner, bool disableUpgrades, bool allowAnyDevice, bytes32 initialDeviceId, bytes32 initialComposeHash) external returns (address appId, address proxyAddress);
    }

    /// The contract of an app of that generation, as far as it differs from [`DstackApp`].
    #[derive(Debug, PartialEq, Eq)]
    interface LegacyAppAuth {
        function appId() external view returns (address);
    }

    /// The contract of the dstack tutorial: a notice period, no expiry, and events of its own shape.
    #[derive(Debug, PartialEq, Eq)]
    interface TimelockAppAuth {
        event ComposeHashProposed(bytes32 indexed hash, uint256 activatesAt);
        event ComposeHashActivated(bytes32 indexed hash);
        event ComposeHashCancelled(bytes32 indexed hash);
        event ComposeHashRemoved(bytes32 indexed hash);

        function noticePeriod() external view returns (uint256);
        function proposedAt(bytes32 hash) external view returns (uint256);
        function proposeComposeHash(bytes32 hash) external;
        function activateComposeHash(bytes32 hash) external;
        function cancelProposal(bytes32 hash) external;
        function removeComposeHash(bytes32 hash) external;
    }

    /// What the base contracts of stock dstack revert with, next to the errors that AppAuth has as well.
    #[derive(Debug, PartialEq, Eq)]
    interface OpenZeppelin {
        error InvalidInitialization();
        error NotInitializing();
        error UUPSUnauthorizedCallContext();
        error UUPSUnsupportedProxiableUUID(bytes32 slot);
        error ERC1967InvalidImplementation(address implementation);
        error ERC1967NonPayable();
        error ERC1967ProxyUninitialized();
        error AddressEmptyCode(address target);
        error FailedCall();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{B256, b256};
    use alloy_sol_types::{SolCall, SolEvent};

    #[test]
    fn selectors_and_topics_are_those_of_the_deployed_contracts() {
        assert_eq!(DstackApp::isAppAllowedCall::SELECTOR, [0x1e, 0x07, 0x91, 0x98]);
        assert_eq!(DstackApp::addComposeHashCall::SELECTOR, [0xdf, 0xc7, 0x72, 0x23]);
        assert_eq!(DstackKms::registerAppCall::SELECTOR, [0x17, 0xa1, 0xd8, 0x0f]);
        assert_eq!(DstackKms::deployAndRegisterAppCall::SELECTOR, [0x9c, 0xb9, 0xc3, 0x1f]);
        assert_eq!(LegacyKmsAuth::appsCall::SELECTOR, [0x13, 0x09, 0xec, 0x43]);
        assert_eq!(LegacyKmsAuth::deployAndRegisterAppCall::SELECTOR, [0x86, 0x18, 0x16, 0x9d]);
        assert_eq!(
            TimelockAppAuth::ComposeHashRemoved::SIGNATURE_HASH,
            DstackApp::ComposeHashRemoved::SIGNATURE_HASH
        );
        let topics: [(B256, B256); 10] = [
            (
                DstackKms::AppDeployedViaFactory::SIGNATURE_HASH,
                b256!("fd86d7f6962eba3b7a3bf9129c06c0b2f885e1c61ef2c9f0dbb856be0deefdee"),
            ),
            (
                LegacyKmsAuth::AppDeployedViaFactory::SIGNATURE_HASH,
                b256!("3ad767c8b7c60bfe0c6bb711fb7ea4be06d90bdf29c6114f3e0c4054e03c2543"),
            ),
            (
                DstackApp::ComposeHashAdded::SIGNATURE_HASH,
                b256!("fecb34306dd9d8b785b54d65489d06afc8822a0893ddacedff40c50a4942d0af"),
            ),
            (
                DstackApp::ComposeHashRemoved::SIGNATURE_HASH,
                b256!("755b79bd4b0eeab344d032284a99003b2ddc018b646752ac72d681593a6e8947"),
            ),
            (
                DstackApp::DeviceAdded::SIGNATURE_HASH,
                b256!("67fc71ab96fe3fa3c6f78e9a00e635d591b7333ce611c0380bc577aac702243b"),
            ),
            (
                DstackApp::AllowAnyDeviceSet::SIGNATURE_HASH,
                b256!("bb2cdb6c7b362202d40373f87bc4788301cca658f91711ac1662e1ad2cba4a20"),
            ),
            (
                DstackApp::RequireTcbUpToDateSet::SIGNATURE_HASH,
                b256!("afae60561b2481a349b45b3a47357f70eef6ae67e5b6e1749d74de7f19a25aa1"),
            ),
            (
                DstackApp::PolicyChanged::SIGNATURE_HASH,
                b256!("341d3bc64e32172fc5bcf27b0f7f69dc5adc19af64b7aa1dee361e5883c32375"),
            ),
            (
                DstackApp::Upgraded::SIGNATURE_HASH,
                b256!("bc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"),
            ),
            (
                DstackKms::AppRegistered::SIGNATURE_HASH,
                b256!("0d540ad8f39e07d19909687352b9fa017405d93c91a6760981fbae9cf28bfef7"),
            ),
        ];
        for (ours, deployed) in topics {
            assert_eq!(ours, deployed);
        }
    }
}
