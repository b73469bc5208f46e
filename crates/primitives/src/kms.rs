//! The other leg of what may boot: the KMS contract an app is registered with.

use alloy_primitives::{Address, B256, Bytes};
use std::collections::{BTreeMap, BTreeSet};

/// What a DstackKms said in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KmsEvent {
    /// An app was registered. There is no way back.
    AppRegistered(Address),
    /// An app was deployed by the KMS contract itself.
    AppDeployed {
        /// The app id.
        app: Address,
        /// The contract that decides about it: another address only in the generation before DstackKms.
        contract: Address,
    },
    /// What the next apps are deployed with.
    AppImplementationSet(Address),
    /// An OS image is admitted for every app.
    OsImageAdded(B256),
    /// An OS image is no longer admitted.
    OsImageRemoved(B256),
    /// The KMS published its root keys; the k256 one is given.
    KmsInfoSet(Bytes),
    /// The app id of the gateway, as text.
    GatewayAppIdSet(String),
    /// An instance of the KMS may have this aggregated measurement.
    AggregatedMrAdded(B256),
    /// It may not any more.
    AggregatedMrRemoved(B256),
    /// An instance of the KMS may run on this device.
    DeviceAdded(B256),
    /// It may not any more.
    DeviceRemoved(B256),
    /// The code of the KMS contract was replaced.
    Upgraded(Address),
    /// The KMS contract has another owner.
    OwnershipTransferred(Address),
    /// Somebody may accept its ownership; zero: nobody any more.
    OwnershipTransferStarted(Address),
}

impl KmsEvent {
    /// What happened to which setting, and the value as a word, in the words of documents: text is given by its hash.
    #[must_use]
    pub fn in_words(&self) -> (&'static str, &'static str, B256) {
        let key = alloy_primitives::keccak256::<&[u8]>;
        match self {
            Self::AppRegistered(app) => ("set", "registered_app", app.into_word()),
            Self::AppDeployed { app, .. } => ("set", "deployed_app", app.into_word()),
            Self::AppImplementationSet(code) => ("set", "app_implementation", code.into_word()),
            Self::OsImageAdded(image) => ("set", "os_image", *image),
            Self::OsImageRemoved(image) => ("removed", "os_image", *image),
            Self::KmsInfoSet(root) => ("set", "kms_info", key(root)),
            Self::GatewayAppIdSet(id) => ("set", "gateway_app_id", key(id.as_bytes())),
            Self::AggregatedMrAdded(mr) => ("set", "aggregated_mr", *mr),
            Self::AggregatedMrRemoved(mr) => ("removed", "aggregated_mr", *mr),
            Self::DeviceAdded(device) => ("set", "kms_device", *device),
            Self::DeviceRemoved(device) => ("removed", "kms_device", *device),
            Self::Upgraded(code) => ("set", "implementation", code.into_word()),
            Self::OwnershipTransferred(owner) => ("set", "owner", owner.into_word()),
            Self::OwnershipTransferStarted(owner) => ("set", "pending_owner", owner.into_word()),
        }
    }
}

/// The state of a KMS contract as its events tell it. The contract is upgradeable: this is what was
/// emitted, and nothing enforces it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kms {
    /// The apps it may release keys to.
    pub registered: BTreeSet<Address>,
    /// For apps whose id is no contract: the contract that was deployed for them.
    pub controllers: BTreeMap<Address, Address>,
    /// The OS images it admits.
    pub os_images: BTreeSet<B256>,
    /// The compressed k256 root key, as published.
    pub k256_root: Option<Bytes>,
    /// The app id of the gateway, as text.
    pub gateway_app_id: Option<String>,
    /// Measurements that instances of the KMS may have.
    pub aggregated_mrs: BTreeSet<B256>,
    /// Devices that instances of the KMS may run on.
    pub devices: BTreeSet<B256>,
    /// What the next apps are deployed with.
    pub app_implementation: Option<Address>,
    /// The code behind the proxy, if it is one.
    pub implementation: Option<Address>,
    /// Who may replace that code and admit OS images.
    pub owner: Option<Address>,
    /// Who may become the owner by accepting.
    pub pending_owner: Option<Address>,
}

impl Kms {
    /// Takes one event, in log order.
    pub fn apply(&mut self, event: &KmsEvent) {
        let someone = |address: &Address| (!address.is_zero()).then_some(*address);
        match event {
            KmsEvent::AppRegistered(app) => {
                self.registered.insert(*app);
            }
            KmsEvent::AppDeployed { app, contract } if app != contract => {
                self.controllers.insert(*app, *contract);
            }
            KmsEvent::AppDeployed { .. } => {}
            KmsEvent::AppImplementationSet(code) => self.app_implementation = someone(code),
            KmsEvent::OsImageAdded(image) => {
                self.os_images.insert(*image);
            }
            KmsEvent::OsImageRemoved(image) => {
                self.os_images.remove(image);
            }
            KmsEvent::KmsInfoSet(key) => self.k256_root = Some(key.clone()),
            KmsEvent::GatewayAppIdSet(id) => self.gateway_app_id = Some(id.clone()),
            KmsEvent::AggregatedMrAdded(mr) => {
                self.aggregated_mrs.insert(*mr);
            }
            KmsEvent::AggregatedMrRemoved(mr) => {
                self.aggregated_mrs.remove(mr);
            }
            KmsEvent::DeviceAdded(device) => {
                self.devices.insert(*device);
            }
            KmsEvent::DeviceRemoved(device) => {
                self.devices.remove(device);
            }
            KmsEvent::Upgraded(implementation) => self.implementation = Some(*implementation),
            KmsEvent::OwnershipTransferred(owner) => {
                self.owner = someone(owner);
                self.pending_owner = None;
            }
            KmsEvent::OwnershipTransferStarted(owner) => self.pending_owner = someone(owner),
        }
    }
}
