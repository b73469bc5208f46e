//! The other leg of what may boot: the KMS contract an app is registered with.

use alloy_primitives::{Address, B256, Bytes};
use std::collections::BTreeSet;

/// What a DstackKms said in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KmsEvent {
    /// An app was registered. There is no way back.
    AppRegistered(Address),
    /// An OS image is admitted for every app.
    OsImageAdded(B256),
    /// An OS image is no longer admitted.
    OsImageRemoved(B256),
    /// The KMS published its root keys; the k256 one is given.
    KmsInfoSet(Bytes),
    /// The code of the KMS contract was replaced.
    Upgraded(Address),
    /// The KMS contract has another owner.
    OwnershipTransferred(Address),
}

/// The state of a KMS contract as its events tell it. The contract is upgradeable: this is what was
/// emitted, and nothing enforces it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kms {
    /// The apps it may release keys to.
    pub registered: BTreeSet<Address>,
    /// The OS images it admits.
    pub os_images: BTreeSet<B256>,
    /// The compressed k256 root key, as published.
    pub k256_root: Option<Bytes>,
    /// The code behind the proxy, if it is one.
    pub implementation: Option<Address>,
    /// Who may replace that code and admit OS images.
    pub owner: Option<Address>,
}

impl Kms {
    /// Takes one event, in log order.
    pub fn apply(&mut self, event: &KmsEvent) {
        match event {
            KmsEvent::AppRegistered(app) => {
                self.registered.insert(*app);
            }
            KmsEvent::OsImageAdded(image) => {
                self.os_images.insert(*image);
            }
            KmsEvent::OsImageRemoved(image) => {
                self.os_images.remove(image);
            }
            KmsEvent::KmsInfoSet(key) => self.k256_root = Some(key.clone()),
            KmsEvent::Upgraded(implementation) => self.implementation = Some(*implementation),
            KmsEvent::OwnershipTransferred(owner) => {
                self.owner = (!owner.is_zero()).then_some(*owner);
            }
        }
    }
}
