//! The document for machines: `attestation-proof.json`. docs/release.md says what each field means.

use crate::{Config, Judged, Ledger, Row, State};
use alloy_primitives::{Address, B256};
use devproof_compose::{
    AppCompose,
    services::{Image, Services},
};
use devproof_operator::Happened;
use devproof_primitives::{BlockRef, Notice};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The format, and its version: a reader that does not know it reads nothing.
pub const FORMAT: &str = "devproof.release/1";
/// How many services are named.
const MAX_IMAGES: usize = 200;

/// What a release can show for itself. Nothing in it is proved by standing in it: `devproof release verify` asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Proof {
    /// [`FORMAT`].
    pub format: String,
    /// The app.
    pub app: App,
    /// The version.
    pub version: Version,
    /// Where its source is said to be.
    pub source: Source,
    /// The images that its compose file names.
    pub images: Vec<ImageOf>,
    /// `announced`, `in_force`, `withdrawn` or `removed`, after the last change of the app.
    pub state: String,
    /// Where it was announced; `null` if it never was.
    pub announced: Option<Announced>,
    /// Where it came into force; `null` if it did not yet.
    pub in_force: Option<Happening>,
    /// Where it was withdrawn or removed.
    pub ended: Option<Happening>,
    /// Seconds from its announcement to when it came into force; `null` where there is no such time.
    pub notice_seconds: Option<u64>,
    /// Whether the app was born with it, so that there was nobody to announce it to.
    pub born_with: bool,
    /// What of the chain all this was read from.
    pub history: HistoryOf,
    /// Evidence of an instance that ran it; `null` if there is none.
    pub evidence: Option<Judged>,
    /// SHA-256 of the files that cannot be computed from the chain.
    pub files: BTreeMap<String, B256>,
}

/// An app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct App {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Its contract.
    pub address: Address,
    /// The kind of code: `app_auth` is the one whose notice binds.
    pub code: String,
    /// Keccak-256 of the runtime code.
    pub code_hash: B256,
    /// The notice that its contract demands, in seconds; `null` where it demands none.
    pub notice_seconds: Option<u64>,
}

/// A version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Version {
    /// SHA-256 of the exact bytes of the compose file.
    pub compose_hash: B256,
    /// The file beside this one that has these bytes.
    pub compose_file: String,
    /// How many bytes.
    pub size: u64,
    /// The name in it.
    pub name: Option<String>,
}

/// Where a source is said to be. Nobody built it anew: that it gives these images is a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Source {
    /// Where to read it.
    pub repository: Option<String>,
    /// The commit.
    pub commit: String,
    /// What the owner said of it in the announcement, which the history commits to.
    pub on_chain: Option<OnChain>,
}

/// What an owner said of a source on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OnChain {
    /// By convention a commit id, filled up with zeros in front.
    pub digest: B256,
    /// Where to read it.
    pub uri: String,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageOf {
    /// The service that runs it.
    pub service: String,
    /// As the compose file has it.
    pub reference: String,
    /// Its digest; `null` if it is not pinned.
    pub digest: Option<String>,
}

/// Something that happened on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Happening {
    /// The transaction.
    pub transaction: B256,
    /// Its block.
    pub block: u64,
    /// The hash of that.
    pub block_hash: B256,
    /// The time of that.
    pub timestamp: Timestamp,
    /// Which log of the block says so.
    pub log_index: u64,
    /// Who did it; `null` where the contract does not say.
    pub by: Option<Address>,
}

/// An announcement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Announced {
    /// Where and by whom.
    #[serde(rename = "at")]
    pub happening: Happening,
    /// From when anybody may put it into force.
    pub ripe_at: Timestamp,
    /// From when nobody may any more; `null` for never.
    pub expires_at: Option<Timestamp>,
}

/// What of the chain was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HistoryOf {
    /// `complete`: the contract's root confirms that nothing is missing. `as_emitted`: what events said.
    pub completeness: String,
    /// How many changes.
    pub changes: u64,
    /// The root that they lead to.
    pub root: Option<B256>,
    /// The block from which logs were read.
    pub from: u64,
    /// The block of the last log of the app. What happened later is not in here.
    pub through: Block,
}

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time.
    pub timestamp: Timestamp,
}

/// Unix seconds as documents write them; a time that no calendar has is the first one.
pub(crate) fn timestamp(seconds: u64) -> Timestamp {
    i64::try_from(seconds).ok().and_then(|it| Timestamp::from_second(it).ok()).unwrap_or_default()
}

/// And back.
pub(crate) fn seconds(timestamp: Timestamp) -> u64 {
    u64::try_from(timestamp.as_second()).unwrap_or_default()
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(bytes))
}

impl From<&Happened> for Happening {
    fn from(it: &Happened) -> Self {
        Self {
            transaction: it.step.at.transaction,
            block: it.step.at.block,
            block_hash: it.block_hash,
            timestamp: timestamp(it.step.at.timestamp),
            log_index: it.step.at.log_index,
            by: it.step.actor,
        }
    }
}

impl From<BlockRef> for Block {
    fn from(it: BlockRef) -> Self {
        Self { number: it.number, hash: it.hash, timestamp: timestamp(it.timestamp) }
    }
}

/// The images of a compose file. `None` if part of it cannot be read.
pub(crate) fn images(document: &AppCompose) -> Option<Vec<ImageOf>> {
    let Some(text) = document.fields().docker_compose_file.as_deref() else {
        return Some(Vec::new());
    };
    let services = Services::parse(text).ok()?;
    if services.services().len() > MAX_IMAGES {
        return None;
    }
    let images = services.services().iter().filter_map(|service| {
        let image = Image::new(service.image()?.0);
        Some(ImageOf {
            service: service.name.clone(),
            reference: image.reference,
            digest: image.digest,
        })
    });
    Some(images.collect())
}

/// What only whoever publishes can say.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    pub(crate) repository: Option<String>,
    pub(crate) commit: String,
    pub(crate) evidence: Option<Judged>,
    pub(crate) files: BTreeMap<String, B256>,
}

impl Claims {
    /// Those of a document that somebody published.
    pub(crate) fn of(proof: &Proof) -> Self {
        Self {
            repository: proof.source.repository.clone(),
            commit: proof.source.commit.clone(),
            evidence: proof.evidence.clone(),
            files: proof.files.clone(),
        }
    }

    pub(crate) fn new(config: &Config, commit: String) -> Self {
        let (repository, files) = (config.repository.clone(), BTreeMap::new());
        Self { repository, commit, evidence: None, files }
    }
}

impl Proof {
    /// What is to be said of a version whose row this is: everything but the claims is computed.
    pub(crate) fn new(
        ledger: &Ledger,
        row: &Row,
        through: BlockRef,
        document: &AppCompose,
        images: Vec<ImageOf>,
        claims: Claims,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            app: App {
                chain_id: ledger.chain_id,
                address: ledger.app,
                code: ledger.code.name().to_owned(),
                code_hash: ledger.code_hash,
                notice_seconds: ledger.notice_at(through.number),
            },
            version: Version {
                compose_hash: document.hash().0,
                compose_file: crate::COMPOSE_FILE.to_owned(),
                size: document.text().len() as u64,
                name: document.fields().name.as_ref().map(|name| crate::text::clip(name, 200)),
            },
            source: Source {
                repository: claims.repository,
                commit: claims.commit,
                on_chain: row
                    .source
                    .as_ref()
                    .map(|source| OnChain { digest: source.digest, uri: source.uri.clone() }),
            },
            images,
            state: row.state().name().to_owned(),
            announced: row.announced.as_ref().zip(row.window).map(|(it, (ripe, expires))| {
                Announced {
                    happening: it.into(),
                    ripe_at: timestamp(ripe),
                    expires_at: (expires != u64::MAX).then(|| timestamp(expires)),
                }
            }),
            in_force: row.in_force.as_ref().map(Into::into),
            ended: row.ended.as_ref().map(Into::into),
            notice_seconds: row.notice.and_then(Notice::seconds),
            born_with: row.notice == Some(Notice::Born),
            history: HistoryOf {
                completeness: ledger.completeness().to_owned(),
                changes: ledger.steps(through.number).count() as u64,
                root: ledger.root_at(through.number),
                from: ledger.first(),
                through: through.into(),
            },
            evidence: claims.evidence,
            files: claims.files,
        }
    }

    /// As it is written.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text.into_bytes()
    }

    /// The state it speaks of.
    #[must_use]
    pub fn state(&self) -> Option<State> {
        [State::Announced, State::InForce, State::Withdrawn, State::Removed]
            .into_iter()
            .find(|state| state.name() == self.state)
    }
}
