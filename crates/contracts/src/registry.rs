//! What a DeletionRegistry says, held against what it says of it.
//!
//! Every fact that a registry accepts extends a root per app (the header of `IDeletionRegistry.sol`), and each statement is
//! named by the hash of what was signed, all of which stands in its events. So a log that is missing, doubled, altered or
//! foreign shows: in the id of its statement or in the next root.

use crate::{
    Deleted, DeletionEvent, DeletionStatement,
    bindings::registry::IDeletionRegistry::{Deletion, DeletionBatch, DeletionRoot},
    deletion_event,
};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolStruct, SolValue};
use std::collections::BTreeMap;

/// What the domain of the roots is made of; `DeletionRegistry.HISTORY_DOMAIN` is its Keccak-256.
pub const REGISTRY_HISTORY_DOMAIN: &str = "devproof deletion history v1";

/// Slot of the mapping of history roots by app in a DeletionRegistry.
const ROOTS_SLOT: U256 = U256::ZERO;

/// The slot in which a DeletionRegistry keeps the history root of an app; zero stands in it while there is no history.
#[must_use]
pub fn registry_root_slot(app: Address) -> U256 {
    keccak256((app, ROOTS_SLOT).abi_encode()).into()
}

/// Why what a registry said does not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryFault {
    /// A statement, a signer or an entry stands where another event had to come.
    #[error(
        "log {log_index} of block {block} is not what had to come next: one is missing or too many"
    )]
    OutOfPlace {
        /// Its block.
        block: u64,
        /// Its place in the block.
        log_index: u64,
    },
    /// A statement is not what its name is the hash of.
    #[error("the statement that ends before log {log_index} of block {block} was altered")]
    OtherStatement {
        /// The block.
        block: u64,
        /// The place of the log that names it.
        log_index: u64,
    },
    /// A root does not follow from the one before.
    #[error(
        "the root in log {log_index} of block {block} does not follow from what came before: something is missing"
    )]
    OtherRoot {
        /// The block.
        block: u64,
        /// The place of the log with the root.
        log_index: u64,
    },
}

/// Where a log of a registry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryPlace {
    /// Its block.
    pub block: u64,
    /// The time of the block, Unix seconds.
    pub timestamp: u64,
    /// Its place in the block.
    pub log_index: u64,
}

/// The history of a registry as far as it was read, log by log, in the order of the chain.
#[derive(Clone, Debug)]
pub struct RegistryHistory {
    chain_id: u64,
    registry: Address,
    roots: BTreeMap<Address, B256>,
    open: Option<Open>,
}

/// A fact whose root has not been told yet.
#[derive(Clone, Debug)]
struct Open {
    /// A fact and its root are told in one transaction: what goes on in another block is none, however much of it comes.
    block: u64,
    app: Address,
    kind: u8,
    fact: Fact,
}

#[derive(Clone, Debug)]
enum Fact {
    Signer(Address),
    Statement { said: Box<DeletionStatement>, users: Vec<B256>, data: Vec<B256> },
}

impl RegistryHistory {
    /// One that has said nothing yet.
    #[must_use]
    pub const fn new(chain_id: u64, registry: Address) -> Self {
        Self { chain_id, registry, roots: BTreeMap::new(), open: None }
    }

    /// Takes the next log of the registry. What is no event of a registry is passed over.
    ///
    /// # Errors
    /// [`RegistryFault`]. What comes after it proves nothing.
    pub fn apply(
        &mut self,
        topics: &[B256],
        data: &[u8],
        at: RegistryPlace,
    ) -> Result<(), RegistryFault> {
        let RegistryPlace { block, log_index, .. } = at;
        let out_of_place = RegistryFault::OutOfPlace { block, log_index };
        let begin = |app, kind, fact| Some(Open { block, app, kind, fact });
        if self.open.as_ref().is_some_and(|open| open.block != block) {
            return Err(out_of_place);
        }
        let next = match (deletion_event(topics, data), self.open.as_mut()) {
            (None, _) => return Ok(()),
            (Some(DeletionEvent::BatchEntry { user_id_hash, data_hash }), Some(open)) => {
                return open.fact.add(user_id_hash, data_hash).ok_or(out_of_place);
            }
            (
                Some(DeletionEvent::HistoryExtended { app, root, kind, value, actor }),
                Some(open),
            ) => {
                if (app, kind) != (open.app, open.kind) {
                    return Err(out_of_place);
                }
                if !open.fact.is_named(value, actor) {
                    return Err(RegistryFault::OtherStatement { block, log_index });
                }
                let before = self.root(app);
                let number = U256::from(block);
                let time = U256::from(at.timestamp);
                let after =
                    keccak256((before, U256::from(kind), value, actor, number, time).abi_encode());
                if root != after {
                    return Err(RegistryFault::OtherRoot { block, log_index });
                }
                self.roots.insert(app, root);
                None
            }
            (Some(DeletionEvent::SignerRegistered { app, signer }), None) => {
                begin(app, 1, Fact::Signer(signer))
            }
            (Some(DeletionEvent::SignerRevoked { app, signer, .. }), None) => {
                begin(app, 2, Fact::Signer(signer))
            }
            (Some(DeletionEvent::Statement(said)), None) => {
                let kind = match said.what {
                    Deleted::One { .. } => 3,
                    Deleted::Batch { .. } => 4,
                    Deleted::Root { .. } => 5,
                };
                begin(
                    said.app,
                    kind,
                    Fact::Statement { said: Box::new(said), users: vec![], data: vec![] },
                )
            }
            (Some(_), _) => return Err(out_of_place),
        };
        self.open = next;
        Ok(())
    }

    /// The root of an app's history; that of an empty one if there was nothing of it.
    #[must_use]
    pub fn root(&self, app: Address) -> B256 {
        let seed = || {
            let chain_id = U256::from(self.chain_id);
            keccak256(
                (keccak256(REGISTRY_HISTORY_DOMAIN), chain_id, self.registry, app).abi_encode(),
            )
        };
        self.roots.get(&app).copied().unwrap_or_else(seed)
    }

    /// The apps that have a history here, with its root.
    pub fn roots(&self) -> impl Iterator<Item = (Address, B256)> + '_ {
        self.roots.iter().map(|(app, root)| (*app, *root))
    }

    /// Whether the last fact was told to its end.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.open.is_none()
    }
}

impl Fact {
    /// Takes an entry of a batch that still has to come.
    fn add(&mut self, user: B256, of: B256) -> Option<()> {
        let Self::Statement { said, users, data } = self else { return None };
        let Deleted::Batch { count } = said.what else { return None };
        (U256::from(users.len()) < count).then(|| {
            users.push(user);
            data.push(of);
        })
    }

    /// Whether this is what a value is the name of, and who acted could have.
    fn is_named(&self, value: B256, actor: Address) -> bool {
        match self {
            // Who registered or revoked it, only the root says.
            Self::Signer(signer) => value == signer.into_word(),
            Self::Statement { said, users, data } => {
                let is_whole = match said.what {
                    Deleted::Batch { count } => count == U256::from(users.len()),
                    Deleted::One { .. } | Deleted::Root { .. } => true,
                };
                is_whole
                    && actor == said.signer
                    && value == said.id
                    && value == id(said, users, data)
            }
        }
    }
}

/// The EIP-712 struct hash of a statement.
fn id(said: &DeletionStatement, users: &[B256], data: &[B256]) -> B256 {
    let DeletionStatement { app, compose_hash, deleted_at, nonce, .. } = *said;
    match said.what {
        Deleted::One { user_id_hash, data_hash } => Deletion {
            app,
            composeHash: compose_hash,
            userIdHash: user_id_hash,
            dataHash: data_hash,
            deletedAt: deleted_at,
            nonce,
        }
        .eip712_hash_struct(),
        Deleted::Batch { .. } => DeletionBatch {
            app,
            composeHash: compose_hash,
            userIdHashes: users.to_vec(),
            dataHashes: data.to_vec(),
            deletedAt: deleted_at,
            nonce,
        }
        .eip712_hash_struct(),
        Deleted::Root { root, count } => DeletionRoot {
            app,
            composeHash: compose_hash,
            root,
            count,
            deletedAt: deleted_at,
            nonce,
        }
        .eip712_hash_struct(),
    }
}
