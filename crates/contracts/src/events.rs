//! Logs, read as events. A log that is none of ours, or is malformed, reads as nothing: anybody can
//! emit anything from a contract of their own.

use crate::{
    bindings::{AppAuth, factory::AppAuthFactory, registry::DeletionRegistry},
    stock::{DstackApp, DstackKms, LegacyKmsAuth, TimelockAppAuth},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolEvent;
use devproof_primitives::{Action, Change, Event, KmsEvent, Setting, Source};
use std::sync::LazyLock;

/// The longest URI of a proposal that is kept, in bytes (`AppAuth.MAX_URI_LENGTH`).
const MAX_URI_LENGTH: usize = 1024;

/// First topic of the event that says that the code behind a proxy was replaced.
pub const UPGRADED: B256 = DstackApp::Upgraded::SIGNATURE_HASH;

/// How `PolicyChanged` names the settings of an app: by the Keccak-256 of these words.
static POLICIES: LazyLock<[(B256, Setting); 4]> = LazyLock::new(|| {
    [
        ("compose-hash", Setting::ComposeHash),
        ("device", Setting::Device),
        ("allow-any-device", Setting::AnyDevice),
        ("require-tcb-up-to-date", Setting::TcbRequirement),
    ]
    .map(|(name, setting)| (keccak256(name), setting))
});

/// Decodes a log as event `E` if it is one.
fn decode<E: SolEvent>(topics: &[B256], data: &[u8]) -> Option<E> {
    (topics.first() == Some(&E::SIGNATURE_HASH))
        .then(|| E::decode_raw_log(topics.iter().copied(), data).ok())?
}

/// The one value of an event whose argument stock contracts do not index and others, wrongly, do: the
/// topic is the same, so only the number of topics tells.
fn value(topic0: B256, topics: &[B256], data: &[u8]) -> Option<B256> {
    match topics {
        [first] if *first == topic0 => Some(B256::from_slice(data.get(..32)?)),
        [first, value] if *first == topic0 => Some(*value),
        _ => None,
    }
}

/// Reads a log of an app's contract, ours or stock. `None` if it says nothing about its policy.
#[must_use]
pub fn app_event(topics: &[B256], data: &[u8]) -> Option<Event> {
    if let Some(e) = decode::<AppAuth::HistoryExtended>(topics, data) {
        return Some(Event::History { root: e.root, kind: e.kind, value: e.value, actor: e.actor });
    }
    if let Some(e) = decode::<AppAuth::ComposeHashProposed>(topics, data) {
        if e.uri.len() > MAX_URI_LENGTH {
            return None;
        }
        return Some(Event::Announced {
            compose_hash: e.composeHash,
            ripe_at: e.ripeAt.to(),
            expires_at: e.expiresAt.to(),
            source: Source { digest: e.sourceDigest, uri: e.uri },
        });
    }
    timelock_event(topics, data).or_else(|| stock_event(topics, data))
}

/// The events of the tutorial's contract that have a shape of their own. It says that something was removed under the
/// name that stock contracts have for it, with the value indexed: [`value`] takes care of that.
fn timelock_event(topics: &[B256], data: &[u8]) -> Option<Event> {
    let stock =
        |action, value| Some(Event::Stock(Change { action, setting: Setting::ComposeHash, value }));
    if let Some(e) = decode::<TimelockAppAuth::ComposeHashProposed>(topics, data) {
        let ripe_at = e.activatesAt.saturating_to();
        return Some(Event::Timelocked { compose_hash: e.hash, ripe_at });
    }
    if let Some(e) = decode::<TimelockAppAuth::ComposeHashActivated>(topics, data) {
        return stock(Action::Set, e.hash);
    }
    let e = decode::<TimelockAppAuth::ComposeHashCancelled>(topics, data)?;
    stock(Action::Cancelled, e.hash)
}

fn stock_event(topics: &[B256], data: &[u8]) -> Option<Event> {
    let stock = |action, setting, value| Some(Event::Stock(Change { action, setting, value }));
    let flag = |on: bool| B256::with_last_byte(u8::from(on));
    let listed = [
        (DstackApp::ComposeHashAdded::SIGNATURE_HASH, Action::Set, Setting::ComposeHash),
        (DstackApp::ComposeHashRemoved::SIGNATURE_HASH, Action::Removed, Setting::ComposeHash),
        (DstackApp::DeviceAdded::SIGNATURE_HASH, Action::Set, Setting::Device),
        (DstackApp::DeviceRemoved::SIGNATURE_HASH, Action::Removed, Setting::Device),
    ];
    for (topic0, action, setting) in listed {
        if let Some(value) = value(topic0, topics, data) {
            return stock(action, setting, value);
        }
    }
    if let Some(e) = decode::<DstackApp::AllowAnyDeviceSet>(topics, data) {
        return stock(Action::Set, Setting::AnyDevice, flag(e.allowAny));
    }
    if let Some(e) = decode::<DstackApp::RequireTcbUpToDateSet>(topics, data) {
        return stock(Action::Set, Setting::TcbRequirement, flag(e.requireUpToDate));
    }
    if let Some(e) = decode::<DstackApp::OwnershipTransferred>(topics, data) {
        return stock(Action::Set, Setting::Owner, e.newOwner.into_word());
    }
    if let Some(e) = decode::<DstackApp::OwnershipTransferStarted>(topics, data) {
        return stock(Action::Set, Setting::PendingOwner, e.newOwner.into_word());
    }
    if let Some(e) = decode::<DstackApp::PolicyChanged>(topics, data) {
        // Emitted next to the event that names the setting: it adds nothing but who did it.
        let (_, setting) = POLICIES.iter().find(|(name, _)| *name == e.policy)?;
        let value = match setting {
            Setting::AnyDevice | Setting::TcbRequirement => flag(e.enabled),
            _ => e.value,
        };
        return Some(Event::Attributed { setting: *setting, value, actor: e.actor });
    }
    if let Some(e) = decode::<DstackApp::Upgraded>(topics, data) {
        return Some(Event::Upgraded(e.implementation));
    }
    decode::<DstackApp::UpgradesDisabled>(topics, data).map(|_| Event::UpgradesDisabled)
}

/// When what a log announces can come into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The first second of ripeness, Unix time, as the log has it.
    pub ripe_at: u64,
    /// The first second of death; `None` for a contract whose proposals never die.
    pub expires_at: Option<u64>,
}

/// Reads what the logs of all generations that announce say of the time. What is announced, and whether the contract is one that
/// may be believed, the fold says.
#[must_use]
pub fn announcement(topics: &[B256], data: &[u8]) -> Option<Announcement> {
    if let Some(e) = decode::<AppAuth::ComposeHashProposed>(topics, data) {
        return Some(Announcement { ripe_at: e.ripeAt.to(), expires_at: Some(e.expiresAt.to()) });
    }
    if let Some(e) = decode::<AppAuth::Proposed>(topics, data) {
        return Some(Announcement { ripe_at: e.ripeAt.to(), expires_at: Some(e.expiresAt.to()) });
    }
    let e = decode::<TimelockAppAuth::ComposeHashProposed>(topics, data)?;
    Some(Announcement { ripe_at: e.activatesAt.saturating_to(), expires_at: None })
}

/// Reads a log of a DstackKms, or of the generation before it. `None` if it changes no leg of what may boot:
/// `PolicyChanged` stands next to an event that says the same.
#[must_use]
pub fn kms_event(topics: &[B256], data: &[u8]) -> Option<KmsEvent> {
    if let Some(e) = decode::<DstackKms::AppRegistered>(topics, data) {
        Some(KmsEvent::AppRegistered(e.appId))
    } else if let Some(e) = decode::<DstackKms::AppDeployedViaFactory>(topics, data) {
        Some(KmsEvent::AppDeployed { app: e.appId, contract: e.appId })
    } else if let Some(e) = decode::<LegacyKmsAuth::AppDeployedViaFactory>(topics, data) {
        Some(KmsEvent::AppDeployed { app: e.appId, contract: e.proxyAddress })
    } else if let Some(e) = decode::<DstackKms::AppImplementationSet>(topics, data) {
        Some(KmsEvent::AppImplementationSet(e.implementation))
    } else if let Some(e) = decode::<LegacyKmsAuth::AppAuthImplementationSet>(topics, data) {
        Some(KmsEvent::AppImplementationSet(e.implementation))
    } else if let Some(e) = decode::<DstackKms::OsImageHashAdded>(topics, data) {
        Some(KmsEvent::OsImageAdded(e.osImageHash))
    } else if let Some(e) = decode::<DstackKms::OsImageHashRemoved>(topics, data) {
        Some(KmsEvent::OsImageRemoved(e.osImageHash))
    } else if let Some(e) = decode::<DstackKms::KmsInfoSet>(topics, data) {
        Some(KmsEvent::KmsInfoSet(e.k256Pubkey))
    } else if let Some(e) = decode::<DstackKms::GatewayAppIdSet>(topics, data) {
        Some(KmsEvent::GatewayAppIdSet(e.gatewayAppId))
    } else {
        kms_instance_event(topics, data)
    }
}

/// Events about which instances of the KMS may run, and about the contract itself.
fn kms_instance_event(topics: &[B256], data: &[u8]) -> Option<KmsEvent> {
    if let Some(e) = decode::<DstackKms::KmsAggregatedMrAdded>(topics, data) {
        Some(KmsEvent::AggregatedMrAdded(e.mrAggregated))
    } else if let Some(e) = decode::<DstackKms::KmsAggregatedMrRemoved>(topics, data) {
        Some(KmsEvent::AggregatedMrRemoved(e.mrAggregated))
    } else if let Some(e) = decode::<DstackKms::KmsDeviceAdded>(topics, data) {
        Some(KmsEvent::DeviceAdded(e.deviceId))
    } else if let Some(e) = decode::<DstackKms::KmsDeviceRemoved>(topics, data) {
        Some(KmsEvent::DeviceRemoved(e.deviceId))
    } else if let Some(e) = decode::<DstackKms::Upgraded>(topics, data) {
        Some(KmsEvent::Upgraded(e.implementation))
    } else if let Some(e) = decode::<DstackKms::OwnershipTransferStarted>(topics, data) {
        Some(KmsEvent::OwnershipTransferStarted(e.newOwner))
    } else {
        let e = decode::<DstackKms::OwnershipTransferred>(topics, data)?;
        Some(KmsEvent::OwnershipTransferred(e.newOwner))
    }
}

/// What an AppAuthFactory said: an app was born.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactoryEvent {
    /// The app.
    pub app: Address,
}

/// Reads a log of an AppAuthFactory.
#[must_use]
pub fn factory_event(topics: &[B256], data: &[u8]) -> Option<FactoryEvent> {
    decode::<AppAuthFactory::AppDeployed>(topics, data).map(|e| FactoryEvent { app: e.app })
}

/// What a DeletionRegistry said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionEvent {
    /// A key may speak for an app.
    SignerRegistered {
        /// The app.
        app: Address,
        /// The key's address.
        signer: Address,
    },
    /// A key may never speak for the app again.
    SignerRevoked {
        /// The app.
        app: Address,
        /// The key's address.
        signer: Address,
        /// The app's owner or guardian.
        by: Address,
    },
    /// An app's key asserted that data was deleted.
    Statement(DeletionStatement),
    /// One deletion of the batch whose statement stands before it.
    BatchEntry {
        /// Salted commitment to the user.
        user_id_hash: B256,
        /// Commitment to the data.
        data_hash: B256,
    },
    /// The app's history grew; follows the events of the fact.
    HistoryExtended {
        /// The app.
        app: Address,
        /// The history root after it.
        root: B256,
        /// One of the registry's `KIND` constants.
        kind: u8,
        /// The key's address, or the id of the statement.
        value: B256,
        /// The caller, or the key that signed.
        actor: Address,
    },
}

/// A signed statement that data was deleted. With the entries of a batch it is all that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletionStatement {
    /// EIP-712 struct hash of the statement.
    pub id: B256,
    /// The app whose key signed it.
    pub app: Address,
    /// The code that the app says it ran.
    pub compose_hash: B256,
    /// When the data is said to have been deleted, Unix seconds.
    pub deleted_at: u64,
    /// What makes equal statements differ.
    pub nonce: B256,
    /// The key that signed.
    pub signer: Address,
    /// One deletion, or many.
    pub what: Deleted,
}

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The data behind one commitment.
    One {
        /// Salted commitment to the user.
        user_id_hash: B256,
        /// Commitment to the data.
        data_hash: B256,
    },
    /// Those of the batch entries that follow.
    Batch {
        /// How many follow.
        count: U256,
    },
    /// The leaves of a tree.
    Root {
        /// Its root.
        root: B256,
        /// Its leaves.
        count: u64,
    },
}

/// Reads a log of a DeletionRegistry.
#[must_use]
pub fn deletion_event(topics: &[B256], data: &[u8]) -> Option<DeletionEvent> {
    if let Some(e) = decode::<DeletionRegistry::DeletionAttested>(topics, data) {
        return Some(DeletionEvent::Statement(DeletionStatement {
            id: e.id,
            app: e.app,
            compose_hash: e.composeHash,
            deleted_at: e.deletedAt,
            nonce: e.nonce,
            signer: e.signer,
            what: Deleted::One { user_id_hash: e.userIdHash, data_hash: e.dataHash },
        }));
    }
    if let Some(e) = decode::<DeletionRegistry::DeletionBatchAttested>(topics, data) {
        return Some(DeletionEvent::Statement(DeletionStatement {
            id: e.id,
            app: e.app,
            compose_hash: e.composeHash,
            deleted_at: e.deletedAt,
            nonce: e.nonce,
            signer: e.signer,
            what: Deleted::Batch { count: e.count },
        }));
    }
    if let Some(e) = decode::<DeletionRegistry::DeletionRootAttested>(topics, data) {
        return Some(DeletionEvent::Statement(DeletionStatement {
            id: e.id,
            app: e.app,
            compose_hash: e.composeHash,
            deleted_at: e.deletedAt,
            nonce: e.nonce,
            signer: e.signer,
            what: Deleted::Root { root: e.root, count: e.count },
        }));
    }
    if let Some(e) = decode::<DeletionRegistry::DeletionBatchEntry>(topics, data) {
        return Some(DeletionEvent::BatchEntry {
            user_id_hash: e.userIdHash,
            data_hash: e.dataHash,
        });
    }
    if let Some(e) = decode::<DeletionRegistry::SignerRegistered>(topics, data) {
        return Some(DeletionEvent::SignerRegistered { app: e.app, signer: e.signer });
    }
    if let Some(e) = decode::<DeletionRegistry::SignerRevoked>(topics, data) {
        return Some(DeletionEvent::SignerRevoked { app: e.app, signer: e.signer, by: e.by });
    }
    let e = decode::<DeletionRegistry::HistoryExtended>(topics, data)?;
    Some(DeletionEvent::HistoryExtended {
        app: e.app,
        root: e.root,
        kind: e.kind,
        value: e.value,
        actor: e.actor,
    })
}
