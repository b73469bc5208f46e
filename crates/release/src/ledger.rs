//! What happened to the versions of an app, out of its history on the chain.

use alloy_primitives::{Address, B256, U256};
use devproof_chain::{Heads, Node};
use devproof_contracts::Code;
use devproof_operator::{Happened, History, OperatorError, history};
use devproof_primitives::{Action, BlockRef, GRACE_PERIOD, HistoryRoot, Notice, Setting, Source};
use serde::Serialize;

/// Where a version stands, as far as the chain said up to some block. What time alone does to an announcement is not in it:
/// its times are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was announced, and nothing happened to it since.
    Announced,
    /// It is in force.
    InForce,
    /// The announcement was withdrawn.
    Withdrawn,
    /// It was in force and is not any more.
    Removed,
}

impl State {
    /// The name of it in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::InForce => "in_force",
            Self::Withdrawn => "withdrawn",
            Self::Removed => "removed",
        }
    }
}

/// A version from its announcement, or from when it came into force without one, to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The compose hash.
    pub version: B256,
    /// Where it was announced.
    pub announced: Option<Happened>,
    /// From when it might be activated and from when it was dead, Unix seconds; where it was announced.
    pub window: Option<(u64, u64)>,
    /// What its owner said of the source with it: text from the chain.
    pub source: Option<Source>,
    /// Where it came into force.
    pub in_force: Option<Happened>,
    /// How much notice users had.
    pub notice: Option<Notice>,
    /// Where it was withdrawn or removed.
    pub ended: Option<Happened>,
}

impl Row {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        match (&self.in_force, &self.ended) {
            (Some(_), None) => State::InForce,
            (Some(_), Some(_)) => State::Removed,
            (None, Some(_)) => State::Withdrawn,
            (None, None) => State::Announced,
        }
    }
}

/// What the chain says of an app up to a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The app's contract.
    pub app: Address,
    /// What code it has.
    pub code: Code,
    /// Keccak-256 of its runtime code.
    pub code_hash: B256,
    /// The block up to which it was asked.
    pub head: BlockRef,
    /// Everything that happened.
    pub history: History,
    /// Its versions, in the order in which they came up.
    pub rows: Vec<Row>,
}

impl Ledger {
    /// Reads it. `from` is where the first log is said to be, where somebody says so.
    ///
    /// # Errors
    /// [`OperatorError`]: nothing is deployed there, the history does not add up, or what the node says.
    pub async fn read(
        node: &Node,
        app: Address,
        from: Option<u64>,
        head: BlockRef,
    ) -> Result<Self, OperatorError> {
        let identity = node.identify(app, head.number).await?;
        let code_hash = identity.code_hash.ok_or(OperatorError::NoContract(app))?;
        let history = history(node, app, identity.code, from, head).await?;
        // Everything was asked by numbers: it is about one chain only if the block is still the same.
        let same = node.block(head.number).await?.is_some_and(|block| block.hash == head.hash);
        if !same {
            return Err(OperatorError::History(
                "the chain was reorganised while it was read: run it again".into(),
            ));
        }
        let rows = rows(&history.steps);
        Ok(Self {
            chain_id: node.chain_id(),
            app,
            code: identity.code,
            code_hash,
            head,
            history,
            rows,
        })
    }

    /// The versions up to an earlier block, which the contract's root confirms as well: each entry commits to those before.
    #[must_use]
    pub fn up_to(&self, block: u64) -> Vec<Row> {
        rows(&self.steps(block).cloned().collect::<Vec<_>>())
    }

    /// The changes up to a block.
    pub(crate) fn steps(&self, block: u64) -> impl Iterator<Item = &Happened> {
        self.history.steps.iter().filter(move |it| it.step.at.block <= block)
    }

    /// The last block up to `block` that has a log of the app.
    #[must_use]
    pub fn through(&self, block: u64) -> Option<BlockRef> {
        self.history.blocks.iter().rev().find(|it| it.number <= block).copied()
    }

    /// The block of the first log, or where somebody began to look for it.
    pub(crate) fn first(&self) -> u64 {
        self.history.blocks.first().map_or(self.history.from, |block| block.number)
    }

    /// The root that the changes up to a block lead to; `None` where the contract keeps none.
    pub(crate) fn root_at(&self, block: u64) -> Option<B256> {
        if !self.history.proved {
            return None;
        }
        let seed = HistoryRoot::seed(self.chain_id, self.app);
        let root = self.steps(block).fold(seed, |root, it| {
            let at = it.step.at;
            let actor = it.step.actor.unwrap_or_default();
            root.extend(&it.step.change, actor, at.block, at.timestamp)
        });
        Some(root.0)
    }

    /// The notice that the contract demanded after a block, in seconds; `None` where it demands none.
    pub(crate) fn notice_at(&self, block: u64) -> Option<u64> {
        let set = |it: &&Happened| {
            it.step.change.setting == Setting::NoticePeriod && it.step.change.action == Action::Set
        };
        let value = self.steps(block).filter(set).last()?.step.change.value;
        self.history.proved.then(|| U256::from_be_bytes(value.0).saturating_to())
    }

    /// What became of a version last.
    #[must_use]
    pub fn version(&self, version: B256) -> Option<&Row> {
        self.rows.iter().rev().find(|row| row.version == version)
    }

    /// `complete` where the contract confirms that nothing is missing, else `as_emitted`.
    #[must_use]
    pub const fn completeness(&self) -> &'static str {
        if self.history.proved { "complete" } else { "as_emitted" }
    }
}

/// The highest block that has a finality; `None` if the node names none.
pub(crate) const fn head(heads: Heads, finality: devproof_operator::Finality) -> Option<BlockRef> {
    use devproof_operator::Finality;
    match finality {
        Finality::Unsafe => Some(heads.latest),
        Finality::Safe => match heads.safe {
            None => heads.finalized,
            safe => safe,
        },
        Finality::Finalized => heads.finalized,
    }
}

/// How final a block is, as sentences say it: "which is ..".
pub(crate) const fn reached(finality: devproof_operator::Finality) -> &'static str {
    use devproof_operator::Finality;
    match finality {
        Finality::Unsafe => "on the chain, but need not stay there",
        Finality::Safe => "safe",
        Finality::Finalized => "finalized",
    }
}

/// The versions, from the steps of a history.
fn rows(steps: &[Happened]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for happened in steps {
        let step = &happened.step;
        if let Some((version, source)) = &happened.source {
            let row = rows.iter_mut().rev().find(|row| row.version == *version);
            if let Some(row) = row {
                row.source = Some(source.clone());
            }
        }
        if step.change.setting != Setting::ComposeHash || !step.effective {
            continue;
        }
        let version = step.change.value;
        let open = rows.iter().rposition(|row| row.version == version && row.ended.is_none());
        let new = || Row {
            version,
            announced: None,
            window: None,
            source: None,
            in_force: None,
            notice: None,
            ended: None,
        };
        match step.change.action {
            Action::Proposed => {
                let window = step.window.or_else(|| {
                    let ripe = step.at.timestamp;
                    Some((ripe, ripe.saturating_add(GRACE_PERIOD)))
                });
                // A dead announcement that is made anew has been cleared before, by a step of its own.
                rows.push(Row { announced: Some(happened.clone()), window, ..new() });
            }
            Action::Set => {
                let set = |row: &mut Row| {
                    row.in_force = Some(happened.clone());
                    row.notice = step.notice;
                };
                if let Some(row) = open.and_then(|at| rows.get_mut(at)) {
                    set(row);
                } else {
                    let mut row = new();
                    set(&mut row);
                    rows.push(row);
                }
            }
            Action::Cancelled | Action::Removed => {
                if let Some(row) = open.and_then(|at| rows.get_mut(at)) {
                    row.ended = Some(happened.clone());
                }
            }
        }
    }
    rows
}
