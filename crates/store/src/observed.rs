//! Reading what was observed.

use crate::{
    Store,
    conn::{Arg, Row, bound},
    error::{Result, StoreError},
    observations::ObservedAlert,
};
use alloy_primitives::{Address, B256, Bytes};
use devproof_primitives::ComposeHash;

/// A quote of an app, and how it was judged last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// SHA-256 of the signed part of the quote.
    pub quote: B256,
    /// The version.
    pub compose_hash: ComposeHash,
    /// The instance's id, if it has one.
    pub instance_id: Option<Address>,
    /// The image of its operating system, as far as it is told.
    pub os_image_hash: Option<B256>,
    /// Kind and id of who gives it its keys; without an id that is longer than such a thing is.
    pub key_provider: Option<(String, Option<Bytes>)>,
    /// Where the evidence was first.
    pub source: String,
    /// Whether the quote is no older than [`Self::first_seen`].
    pub is_fresh: bool,
    /// When it was seen first, Unix seconds by our own clock.
    pub first_seen: u64,
    /// When it was seen last.
    pub last_seen: u64,
    /// How it was judged last.
    pub judgement: Judgement,
}

/// How a quote was judged for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How often it was judged in another way before.
    pub entry: u64,
    /// When it came out so first, Unix seconds by our own clock.
    pub seen_from: u64,
    /// When it came out so last.
    pub seen_until: u64,
    /// The time that the kept verdict is of, Unix seconds.
    pub judged_at: u64,
    /// `pass`, `fail` or `inconclusive`.
    pub overall: String,
    /// The rows that it is because of.
    pub decisive: Vec<String>,
    /// Whether it is proved who the machine is.
    pub is_proved: bool,
    /// Whether the quote was held against Intel's root.
    pub is_intel_root: bool,
    /// Intel's word for the platform.
    pub tcb_status: Option<String>,
    /// Who verified the hardware.
    pub hardware_by: String,
    /// Who verified the operating system; `None` if nobody did.
    pub system_by: Option<String>,
    /// Names of what nobody may overlook.
    pub warnings: Vec<String>,
    /// SHA-256 of the document of evidence.
    pub evidence: B256,
    /// SHA-256 of the collateral.
    pub collateral: Option<B256>,
    /// SHA-256 of the policy file; `None` for the strict policy.
    pub policy: Option<B256>,
    /// SHA-256 of the verdict as JSON.
    pub verdict: B256,
    /// Number and hash of the block that the quote is known to lie behind.
    pub from: Option<(u64, B256)>,
    /// Number and hash of the block after which the authorisation was asked about.
    pub to: Option<(u64, B256)>,
}

/// An instance that was seen with a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedInstance {
    /// The version.
    pub compose_hash: ComposeHash,
    /// Its id, if it has one.
    pub instance_id: Option<Address>,
    /// Whether it is proved who it is. One that only says so is told apart, also if it says the same.
    pub is_proved: bool,
    /// Whether the quotes were held against Intel's root.
    pub is_intel_root: bool,
    /// When it was seen first, Unix seconds by our own clock.
    pub first_seen: u64,
    /// When it was seen last.
    pub last_seen: u64,
    /// How often it was looked.
    pub looks: u64,
    /// The quote that was seen last.
    pub last_quote: B256,
    /// How that was judged last.
    pub judgement: Judgement,
}

/// Where a page of observations ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservationPlace {
    /// When the last one was first seen.
    pub first_seen: u64,
    /// Its quote.
    pub quote: B256,
}

/// Every column of a judgement, in the order in which [`judgement`] reads.
macro_rules! judged {
    () => {
        "j.entry, j.seen_from, j.seen_until, j.judged_at, j.overall, j.decisive, j.is_proved, j.is_intel_root, j.tcb_status,
         j.hardware_by, j.system_by, j.warnings, j.evidence, j.collateral, j.policy, j.verdict, j.from_number, j.from_hash,
         j.to_number, j.to_hash"
    };
}

/// Every column of an observation itself.
macro_rules! seen {
    () => {
        "o.quote, o.compose_hash, o.instance_id, o.os_image_hash, o.key_provider, o.key_provider_id, o.source, o.is_fresh,
         o.first_seen, o.last_seen"
    };
}

/// Every column of an observation behind those of its last judgement.
macro_rules! observed {
    () => {
        concat!(
            "SELECT ",
            judged!(),
            ", ",
            seen!(),
            " FROM observations o JOIN judgements j ON j.chain_id = o.chain_id AND j.app = o.app AND j.quote = o.quote
             AND j.entry = (SELECT MAX(l.entry) FROM judgements l
                 WHERE l.chain_id = o.chain_id AND l.app = o.app AND l.quote = o.quote)
             WHERE o.chain_id = $1 AND o.app = $2"
        )
    };
}

impl Store {
    /// Observations of an app, the one that was first seen last at the beginning: at most `limit` behind a place.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn observations(
        &self,
        chain_id: u64,
        app: Address,
        after: Option<ObservationPlace>,
        limit: u64,
    ) -> Result<Vec<Observation>> {
        // Behind nothing is behind everything that can be.
        let after = after.unwrap_or(ObservationPlace { first_seen: u64::MAX, quote: B256::ZERO });
        let sql = concat!(
            observed!(),
            " AND (o.first_seen, o.quote) < ($3, $4) ORDER BY o.first_seen DESC, o.quote DESC LIMIT $5"
        );
        let args = [
            Arg::Int(bound(chain_id)),
            Arg::Bytes(app.as_slice()),
            Arg::Int(bound(after.first_seen)),
            Arg::Bytes(after.quote.as_slice()),
            Arg::Int(bound(limit)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(observation).collect()
    }

    /// What had been observed of an app, the one that was first seen last at the beginning: quotes that were first seen up to a
    /// time, each as it had been judged at another, both Unix seconds, and whether it was judged anew since.
    /// [`Observation::last_seen`] may be later than both, and so may [`Judgement::seen_until`]: only the last time is kept.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn observations_as_of(
        &self,
        chain_id: u64,
        app: Address,
        (seen, judged): (u64, u64),
        limit: u64,
    ) -> Result<Vec<(Observation, bool)>> {
        let sql = concat!(
            "SELECT ",
            judged!(),
            ", ",
            seen!(),
            ", (SELECT MAX(n.entry) FROM judgements n WHERE n.chain_id = o.chain_id AND n.app = o.app AND n.quote = o.quote)
             FROM observations o JOIN judgements j ON j.chain_id = o.chain_id AND j.app = o.app AND j.quote = o.quote
             AND j.entry = (SELECT MAX(l.entry) FROM judgements l
                 WHERE l.chain_id = o.chain_id AND l.app = o.app AND l.quote = o.quote AND l.seen_from <= $4)
             WHERE o.chain_id = $1 AND o.app = $2 AND o.first_seen <= $3
             ORDER BY o.first_seen DESC, o.quote DESC LIMIT $5"
        );
        let args = [
            Arg::Int(bound(chain_id)),
            Arg::Bytes(app.as_slice()),
            Arg::Int(bound(seen)),
            Arg::Int(bound(judged)),
            Arg::Int(bound(limit)),
        ];
        let rows = self.pool.rows(sql, &args).await?;
        let seen = rows.iter().map(|row| {
            let it = observation(row)?;
            let judged_anew = row.number(30)? > it.judgement.entry;
            Ok((it, judged_anew))
        });
        seen.collect()
    }

    /// The last observations of one instance of an app, newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn observations_of(
        &self,
        chain_id: u64,
        app: Address,
        instance_id: Option<Address>,
        limit: u64,
    ) -> Result<Vec<Observation>> {
        let sql = concat!(
            observed!(),
            " AND o.instance_id = $3 ORDER BY o.first_seen DESC, o.quote DESC LIMIT $4"
        );
        let args = [
            Arg::Int(bound(chain_id)),
            Arg::Bytes(app.as_slice()),
            Arg::Bytes(instance_id.as_ref().map_or(&[], |id| id.as_slice())),
            Arg::Int(bound(limit)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(observation).collect()
    }

    /// How a quote was judged, the last time first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn judgements(
        &self,
        chain_id: u64,
        app: Address,
        quote: B256,
        limit: u64,
    ) -> Result<Vec<Judgement>> {
        let sql = concat!(
            "SELECT ",
            judged!(),
            " FROM judgements j WHERE j.chain_id = $1 AND j.app = $2 AND j.quote = $3 ORDER BY j.entry DESC LIMIT $4"
        );
        let args = [
            Arg::Int(bound(chain_id)),
            Arg::Bytes(app.as_slice()),
            Arg::Bytes(quote.as_slice()),
            Arg::Int(bound(limit)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(judgement).collect()
    }

    /// Which instances of an app were seen with which version up to a time (Unix seconds), the one that was seen last
    /// first. What is said of the last time may be of a later one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn observed_instances(
        &self,
        chain_id: u64,
        app: Address,
        until: u64,
        limit: u64,
    ) -> Result<Vec<ObservedInstance>> {
        let sql = concat!(
            "SELECT ",
            judged!(),
            ", i.compose_hash, i.instance_id, i.is_proved, i.is_intel_root, i.first_seen, i.last_seen, i.looks, i.last_quote
             FROM observed_instances i
             JOIN judgements j ON j.chain_id = i.chain_id AND j.app = i.app AND j.quote = i.last_quote
             AND j.entry = (SELECT MAX(l.entry) FROM judgements l WHERE l.chain_id = i.chain_id AND l.app = i.app
                 AND l.quote = i.last_quote AND l.is_proved = i.is_proved AND l.is_intel_root = i.is_intel_root)
             WHERE i.chain_id = $1 AND i.app = $2 AND i.first_seen <= $3
             ORDER BY i.last_seen DESC, i.compose_hash, i.instance_id, i.is_proved, i.is_intel_root LIMIT $4"
        );
        let args = [
            Arg::Int(bound(chain_id)),
            Arg::Bytes(app.as_slice()),
            Arg::Int(bound(until)),
            Arg::Int(bound(limit)),
        ];
        let rows = self.pool.rows(sql, &args).await?;
        let seen = rows.iter().map(|row| {
            Ok(ObservedInstance {
                judgement: judgement(row)?,
                compose_hash: ComposeHash(row.hash(20)?),
                instance_id: instance(row, 21)?,
                is_proved: row.int(22)? == 1,
                is_intel_root: row.int(23)? == 1,
                first_seen: row.number(24)?,
                last_seen: row.number(25)?,
                looks: row.number(26)?,
                last_quote: row.hash(27)?,
            })
        });
        seen.collect()
    }

    /// What was found out by observing since a time (Unix seconds), oldest first; of more than `limit` the newest.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn observed_alerts(
        &self,
        chain_id: u64,
        since: u64,
        limit: u64,
    ) -> Result<Vec<ObservedAlert>> {
        let sql = "SELECT id, chain_id, app, kind, title, text, found_at FROM observed_alerts
             WHERE chain_id = $1 AND found_at >= $2 ORDER BY found_at DESC, id DESC LIMIT $3";
        let args = [Arg::Int(bound(chain_id)), Arg::Int(bound(since)), Arg::Int(bound(limit))];
        let rows = self.pool.rows(sql, &args).await?;
        let alerts = rows.iter().rev().map(|row| {
            Ok(ObservedAlert {
                id: row.text(0)?.to_owned(),
                chain_id: row.number(1)?,
                app: row.address(2)?,
                kind: row.text(3)?.to_owned(),
                title: row.text(4)?.to_owned(),
                text: row.text(5)?.to_owned(),
                found_at: row.number(6)?,
            })
        });
        alerts.collect()
    }
}

fn observation(row: &Row) -> Result<Observation> {
    let kind = row.maybe_text(24)?.map(str::to_owned);
    let id = row.maybe_bytes(25)?.map(Bytes::copy_from_slice);
    Ok(Observation {
        judgement: judgement(row)?,
        quote: row.hash(20)?,
        compose_hash: ComposeHash(row.hash(21)?),
        instance_id: instance(row, 22)?,
        os_image_hash: row.maybe_hash(23)?,
        key_provider: kind.map(|kind| (kind, id)),
        source: row.text(26)?.to_owned(),
        is_fresh: row.int(27)? == 1,
        first_seen: row.number(28)?,
        last_seen: row.number(29)?,
    })
}

/// The first columns of a row.
fn judgement(row: &Row) -> Result<Judgement> {
    let words = |column: usize| -> Result<Vec<String>> {
        Ok(row.text(column)?.split_whitespace().map(str::to_owned).collect())
    };
    let block = |column: usize| -> Result<Option<(u64, B256)>> {
        Ok(row.maybe_number(column)?.zip(row.maybe_hash(column + 1)?))
    };
    Ok(Judgement {
        entry: row.number(0)?,
        seen_from: row.number(1)?,
        seen_until: row.number(2)?,
        judged_at: row.number(3)?,
        overall: row.text(4)?.to_owned(),
        decisive: words(5)?,
        is_proved: row.int(6)? == 1,
        is_intel_root: row.int(7)? == 1,
        tcb_status: row.maybe_text(8)?.map(str::to_owned),
        hardware_by: row.text(9)?.to_owned(),
        system_by: row.maybe_text(10)?.map(str::to_owned),
        warnings: words(11)?,
        evidence: row.hash(12)?,
        collateral: row.maybe_hash(13)?,
        policy: row.maybe_hash(14)?,
        verdict: row.hash(15)?,
        from: block(16)?,
        to: block(18)?,
    })
}

/// Nothing for an instance without an id.
fn instance(row: &Row, column: usize) -> Result<Option<Address>> {
    match row.bytes(column)? {
        [] => Ok(None),
        bytes => Address::try_from(bytes).map(Some).map_err(|_| StoreError::Corrupt {
            what: format!("an instance id of {} bytes", bytes.len()),
        }),
    }
}
