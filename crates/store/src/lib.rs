//! Every query of the project, over SQLite and PostgreSQL.
//!
//! A [`Store`] keeps facts: the logs of the contracts that are followed, the blocks they are in, and how far each
//! chain has been indexed. What they mean, the fold in `devproof-primitives` says ([`Store::app_state`]). Three rules hold:
//!
//! - The checkpoint moves in the transaction that writes the data, and only from the checkpoint the writer saw.
//! - A fact is never changed and never deleted; a log that the chain turned out not to have is none, and is kept
//!   apart as refuted. A block that is reorged out keeps its rows, marked as orphaned, and
//!   answers no question about the canonical chain.
//! - One set of query texts serves both databases, and one suite tests them.

mod announced;
mod archive;
mod bulk;
mod carried;
mod chains;
mod commit;
mod composes;
mod conn;
mod contracts;
mod copy;
mod deliveries;
mod digest;
mod error;
mod facts;
mod folding;
mod folds;
mod ids;
mod journal;
mod keeper;
mod kms;
mod known;
mod mentions;
mod observations;
mod observed;
mod open;
mod packed;
mod plan;
mod read;
mod readers;
mod readings;
mod refuted;
mod replica;
mod retention;
mod rewind;
mod scan;
mod sender;
mod spoke;
mod spoken;
mod states;
mod subscriptions;
mod target;
mod transactions;
mod types;
mod words;
mod writer;

pub use announced::{ANNOUNCED_STEP, Announced, AnnouncedPlace};
pub use archive::MAX_ARCHIVED;
pub use chains::Standing;
pub use copy::{Copied, Subscribers};
pub use deliveries::{Delivery, DeliveryCounts, DeliveryState, ToldAlert};
pub use error::{Result, StoreError};
pub use folds::KeptFold;
pub use journal::Entry;
pub use keeper::Kept;
pub use kms::KmsThen;
pub use known::Known;
pub use mentions::Place;
pub use observations::{Judged, ObservedAlert, Recorded, Sighting};
pub use observed::{Judgement, Observation, ObservationPlace, ObservedInstance};
pub use open::Store;
pub use read::LogSteps;
pub use readings::Reading;
pub use refuted::RefutedLog;
pub use replica::Replica;
pub use retention::Dropped;
pub use sender::{Filling, Letter, Sender};
pub use spoken::{SPOKEN_STEP, SpokenBlock};
pub use states::{AppState, AppThen, READ, StateError, read_at, reading_event, rules};
pub use subscriptions::{MAX_SUBSCRIPTIONS, Subscription};
pub use types::{
    Backfill, BlockRef, ChainStatus, Committed, Contract, Gap, Page, RawLog, Rewound, Role, Tags,
};
