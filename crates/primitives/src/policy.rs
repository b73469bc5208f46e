//! The fold: an app's policy out of its contract's events.

use crate::{
    Action, Actor, BadKind, Change, GRACE_PERIOD, HistoryRoot, Notice, Position, Proposal, Setting,
    Source, address_in, source_commitment,
};
use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An event of an app's contract, as far as its policy is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `HistoryExtended` of an AppAuth: the authenticated account of every change.
    History {
        /// The root after this entry.
        root: B256,
        /// `action | setting`.
        kind: u8,
        /// The value.
        value: B256,
        /// `msg.sender`.
        actor: Address,
    },
    /// `ComposeHashProposed` of an AppAuth: the words that go with the entry before it.
    Announced {
        /// The compose hash.
        compose_hash: B256,
        /// First second of ripeness.
        ripe_at: u64,
        /// First second of death.
        expires_at: u64,
        /// The claim about its source.
        source: Source,
    },
    /// `ComposeHashProposed` of the tutorial's contract: a proposal that says when it is ripe, and never dies.
    Timelocked {
        /// The compose hash.
        compose_hash: B256,
        /// First second of ripeness.
        ripe_at: u64,
    },
    /// What the contract itself answered after a block: no event, but what none told, such as the state that it was
    /// initialized with. It holds for the end of the block.
    Read {
        /// The setting.
        setting: Setting,
        /// The value; of a list, one that is on it.
        value: B256,
    },
    /// One of the stock events: all there is to know of a contract that keeps no history.
    Stock(Change),
    /// `PolicyChanged` of a stock contract: says who made the change that the event before it named.
    Attributed {
        /// The setting.
        setting: Setting,
        /// The value.
        value: B256,
        /// `msg.sender`.
        actor: Address,
    },
    /// The contract's code was replaced (ERC-1967 `Upgraded`).
    Upgraded(Address),
    /// The owner gave up replacing the code (`UpgradesDisabled`).
    UpgradesDisabled,
}

/// Which events are to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rules {
    /// The contract is an AppAuth, known by its code: the history says everything, each entry is
    /// checked against the root it extends, and stock events say nothing new.
    AppAuth {
        /// The chain, for the seed of the root.
        chain_id: u64,
        /// The contract, likewise.
        app: Address,
    },
    /// Any other contract: what its events said, unchecked.
    AsEmitted,
}

/// Why the events given cannot be the events of an AppAuth.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// An entry of a kind that the contract does not have.
    #[error(transparent)]
    BadKind(#[from] BadKind),
    /// The roots differ: an event before this one is missing, doubled, altered or foreign.
    #[error(
        "the history does not add up at block {block}, log {log_index}: the contract's root is \
         {emitted}, the events before it give {folded}"
    )]
    RootMismatch {
        /// Block of the entry.
        block: u64,
        /// Its log index.
        log_index: u64,
        /// The root in the event.
        emitted: B256,
        /// The root of the fold.
        folded: B256,
    },
    /// The words of an announcement are not those that the history committed to.
    #[error("the announcement of {compose_hash} at block {block} is not the one in the history")]
    ForeignAnnouncement {
        /// The compose hash.
        compose_hash: B256,
        /// The block.
        block: u64,
    },
}

/// A value in force: a compose hash, device or OS image that the contract accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Since when.
    pub since: Position,
    /// Who put it in force. Anybody may activate what is ripe: see [`Grant::proposed`].
    pub actor: Actor,
    /// Where it was announced and by whom; `None` for what never was.
    pub proposed: Option<(Position, Actor)>,
    /// How much notice users had.
    pub notice: Notice,
    /// The claim about its source, if one was made with the proposal.
    pub source: Option<Source>,
}

/// What one event did to the policy, for the upgrade history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where and when.
    pub at: Position,
    /// What.
    pub change: Change,
    /// Who.
    pub actor: Actor,
    /// For a value that came into force by widening: the notice users had of it.
    pub notice: Option<Notice>,
    /// For a proposal: first second of ripeness and first second of death.
    pub window: Option<(u64, u64)>,
    /// Whether the policy is another one now. Stock contracts also emit when nothing changed.
    pub effective: bool,
}

/// An app's policy after some prefix of its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    rules: Rules,
    root: HistoryRoot,
    born_in: Option<B256>,
    /// The announcement read last, until the history's next entry commits to it.
    announced: Option<(B256, Source)>,
    /// Compose hashes that may boot.
    pub compose_hashes: BTreeMap<B256, Grant>,
    /// Devices that may boot it.
    pub devices: BTreeMap<B256, Grant>,
    /// The app's own list of OS images; `None`: what the KMS allows.
    pub os_images: Option<BTreeMap<B256, Grant>>,
    /// Whether any device may; `None` until an event says so.
    pub allow_any_device: Option<bool>,
    /// Whether the TCB must be up to date; `None` until an event says so.
    pub require_tcb_up_to_date: Option<bool>,
    /// Seconds of notice; `None` where the contract has none.
    pub notice_period: Option<u64>,
    /// The owner.
    pub owner: Option<Address>,
    /// Who may accept ownership.
    pub pending_owner: Option<Address>,
    /// Who may cancel and remove.
    pub guardian: Option<Address>,
    /// Settings that can never widen again.
    pub frozen: BTreeSet<Setting>,
    /// What is announced and not in force; expired ones stay until somebody clears them.
    pub proposals: BTreeMap<(Setting, B256), Proposal>,
    /// The code behind the proxy, if events told.
    pub implementation: Option<Address>,
    /// Whether the owner gave up replacing the code.
    pub upgrades_disabled: bool,
}

impl Policy {
    /// The policy before any event.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let root = match rules {
            Rules::AppAuth { chain_id, app } => HistoryRoot::seed(chain_id, app),
            Rules::AsEmitted => HistoryRoot(B256::ZERO),
        };
        Self {
            rules,
            root,
            born_in: None,
            announced: None,
            compose_hashes: BTreeMap::new(),
            devices: BTreeMap::new(),
            os_images: None,
            allow_any_device: None,
            require_tcb_up_to_date: None,
            notice_period: None,
            owner: None,
            pending_owner: None,
            guardian: None,
            frozen: BTreeSet::new(),
            proposals: BTreeMap::new(),
            implementation: None,
            upgrades_disabled: false,
        }
    }

    /// The root of the history so far; `None` for a contract that keeps none.
    #[must_use]
    pub const fn history_root(&self) -> Option<B256> {
        match self.rules {
            Rules::AppAuth { .. } => Some(self.root.0),
            Rules::AsEmitted => None,
        }
    }

    /// Takes one event, in log order, and says what it did; `None` if it says nothing new.
    ///
    /// # Errors
    /// [`FoldError`] if the events cannot be those of the contract; the policy before it stands.
    pub fn apply(&mut self, at: Position, event: &Event) -> Result<Option<Step>, FoldError> {
        // What happens in the transaction of the first event is what the app was born with.
        let birth = self.born_in.is_none_or(|transaction| transaction == at.transaction);
        let step = match (self.rules, event) {
            (Rules::AppAuth { .. }, Event::History { root, kind, value, actor }) => {
                let change = Change::from_kind(*kind, *value)?;
                let folded = self.root.extend(&change, *actor, at.block, at.timestamp);
                if folded.0 != *root {
                    return Err(FoldError::RootMismatch {
                        block: at.block,
                        log_index: at.log_index,
                        emitted: *root,
                        folded: folded.0,
                    });
                }
                if change.setting == Setting::Source {
                    self.commit_to_source(at, &change)?;
                }
                self.root = folded;
                Some(self.change(at, change, Some(*actor), birth))
            }
            (
                Rules::AppAuth { .. },
                Event::Announced { compose_hash, ripe_at, expires_at, source },
            ) => {
                self.announce(at, *compose_hash, (*ripe_at, *expires_at), source)?;
                None
            }
            (Rules::AsEmitted, Event::Stock(change)) => {
                // Only its owner may change a stock app, but the events before 2026 do not say so.
                Some(self.change(at, *change, None, birth))
            }
            (Rules::AsEmitted, Event::Timelocked { compose_hash, ripe_at }) => {
                let change = Change {
                    action: Action::Proposed,
                    setting: Setting::ComposeHash,
                    value: *compose_hash,
                };
                let mut step = self.change(at, change, None, birth);
                if let Some(proposal) =
                    self.proposals.get_mut(&(Setting::ComposeHash, *compose_hash))
                {
                    proposal.ripe_at = *ripe_at;
                    proposal.expires_at = Proposal::NEVER;
                    step.window = Some((*ripe_at, Proposal::NEVER));
                }
                Some(step)
            }
            (Rules::AsEmitted, Event::Read { setting, value }) => {
                self.read(at, *setting, *value);
                None
            }
            (Rules::AsEmitted, Event::Attributed { setting, value, actor }) => {
                self.attribute(at, *setting, *value, *actor);
                None
            }
            (Rules::AsEmitted, Event::Upgraded(implementation)) => {
                self.implementation = Some(*implementation);
                None
            }
            (Rules::AsEmitted, Event::UpgradesDisabled) => {
                self.upgrades_disabled = true;
                None
            }
            _ => None,
        };
        self.born_in.get_or_insert(at.transaction);
        Ok(step)
    }

    fn change(&mut self, at: Position, change: Change, actor: Actor, birth: bool) -> Step {
        let Change { action, setting, value } = change;
        let mut step = Step { at, change, actor, notice: None, window: None, effective: true };
        match action {
            Action::Proposed if setting == Setting::Source => {}
            Action::Proposed => {
                let proposal = self.propose(at, setting, value, actor);
                step.window = Some((proposal.ripe_at, proposal.expires_at));
            }
            Action::Cancelled => {
                step.effective = self.proposals.remove(&(setting, value)).is_some();
            }
            Action::Set => {
                let proposal = self.proposals.remove(&(setting, value));
                let notice = match &proposal {
                    Some(proposal) => {
                        Notice::Seconds(at.timestamp.saturating_sub(proposal.proposed.timestamp))
                    }
                    None if birth => Notice::Born,
                    None => Notice::Seconds(0),
                };
                let grant = Grant {
                    since: at,
                    actor,
                    proposed: proposal.as_ref().map(|p| (p.proposed, p.actor)),
                    notice,
                    source: proposal.as_ref().and_then(|p| p.source.clone()),
                };
                step.effective = self.set(setting, value, grant);
                let widens =
                    proposal.is_some() || matches!(setting, Setting::ComposeHash | Setting::Device);
                step.notice = widens.then_some(notice);
            }
            Action::Removed => {
                step.effective = match setting {
                    Setting::ComposeHash => self.compose_hashes.remove(&value).is_some(),
                    Setting::Device => self.devices.remove(&value).is_some(),
                    Setting::OsImage => {
                        self.os_images.as_mut().is_some_and(|list| list.remove(&value).is_some())
                    }
                    _ => false,
                };
            }
        }
        step
    }

    fn propose(&mut self, at: Position, setting: Setting, value: B256, actor: Actor) -> &Proposal {
        let ripe_at = at.timestamp.saturating_add(self.notice_period.unwrap_or(0));
        let proposal = Proposal {
            setting,
            value,
            proposed: at,
            actor,
            ripe_at,
            expires_at: ripe_at.saturating_add(GRACE_PERIOD),
            source: None,
        };
        self.proposals.entry((setting, value)).insert_entry(proposal).into_mut()
    }

    /// Puts a value in force. Says whether anything is different now.
    fn set(&mut self, setting: Setting, value: B256, grant: Grant) -> bool {
        fn allow(list: &mut BTreeMap<B256, Grant>, value: B256, grant: Grant) -> bool {
            // A stock contract says "added" again for what is there: it has been in force since before.
            let new = !list.contains_key(&value);
            list.entry(value).or_insert(grant);
            new
        }
        fn replace<T: PartialEq>(place: &mut T, with: T) -> bool {
            let new = *place != with;
            *place = with;
            new
        }
        let truth = !value.is_zero();
        match setting {
            Setting::ComposeHash => allow(&mut self.compose_hashes, value, grant),
            Setting::Device => allow(&mut self.devices, value, grant),
            Setting::OsImage => allow(self.os_images.get_or_insert_default(), value, grant),
            Setting::AnyOsImage => self.os_images.take().is_some(),
            Setting::AnyDevice => replace(&mut self.allow_any_device, Some(truth)),
            Setting::TcbRequirement => replace(&mut self.require_tcb_up_to_date, Some(truth)),
            Setting::NoticePeriod => {
                replace(&mut self.notice_period, Some(U256::from_be_bytes(value.0).saturating_to()))
            }
            Setting::Guardian => replace(&mut self.guardian, address_in(value)),
            Setting::Owner => {
                self.pending_owner = None;
                replace(&mut self.owner, address_in(value))
            }
            Setting::PendingOwner => replace(&mut self.pending_owner, address_in(value)),
            Setting::Freeze => {
                let number = U256::from_be_bytes(value.0).saturating_to::<u8>();
                Setting::from_number(number).is_ok_and(|frozen| {
                    // What was announced for it can never come: the contract refuses to activate it.
                    for proposal in self.proposals.values_mut().filter(|p| p.setting == frozen) {
                        proposal.expires_at = proposal.expires_at.min(grant.since.timestamp);
                    }
                    self.frozen.insert(frozen)
                })
            }
            Setting::Source => false,
        }
    }

    /// Takes the contract's own answer: whatever events said, this is so at the end of the block.
    fn read(&mut self, at: Position, setting: Setting, value: B256) {
        let grant =
            Grant { since: at, actor: None, proposed: None, notice: Notice::Born, source: None };
        // An owner that is there already keeps who may accept from him.
        let pending_owner = self.pending_owner;
        self.set(setting, value, grant);
        if setting == Setting::Owner {
            self.pending_owner = pending_owner;
        }
    }

    /// Takes the words of a proposal. The times follow from the entry before; the claim about the
    /// source waits until the history commits to it.
    fn announce(
        &mut self,
        at: Position,
        compose_hash: B256,
        window: (u64, u64),
        source: &Source,
    ) -> Result<(), FoldError> {
        self.proposals
            .get(&(Setting::ComposeHash, compose_hash))
            .filter(|p| p.proposed.transaction == at.transaction)
            .filter(|p| (p.ripe_at, p.expires_at) == window)
            .ok_or(FoldError::ForeignAnnouncement { compose_hash, block: at.block })?;
        self.announced = Some((compose_hash, source.clone()));
        Ok(())
    }

    /// The history's entry behind an announcement: only now is its claim about the source believed.
    fn commit_to_source(&mut self, at: Position, change: &Change) -> Result<(), FoldError> {
        let foreign =
            |compose_hash| FoldError::ForeignAnnouncement { compose_hash, block: at.block };
        let (compose_hash, source) = self.announced.take().ok_or_else(|| foreign(change.value))?;
        if change.value != source_commitment(compose_hash, source.digest, &source.uri) {
            return Err(foreign(compose_hash));
        }
        let claims = !source.digest.is_zero() || !source.uri.is_empty();
        if let Some(proposal) = self.proposals.get_mut(&(Setting::ComposeHash, compose_hash)) {
            proposal.source = claims.then_some(source);
        }
        Ok(())
    }

    /// Adds who did it to what the event before it, of the same transaction, said was done.
    fn attribute(&mut self, at: Position, setting: Setting, value: B256, actor: Address) {
        let list = match setting {
            Setting::ComposeHash => &mut self.compose_hashes,
            Setting::Device => &mut self.devices,
            _ => return,
        };
        if let Some(grant) = list.get_mut(&value).filter(|g| g.since.transaction == at.transaction)
        {
            grant.actor.get_or_insert(actor);
        }
    }
}
