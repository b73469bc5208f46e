//! What verified quotes showed of running instances. No facts of a chain: in no digest, and no answer about what was
//! authorised comes from here. A copy of a database has them, since they cannot be had again.

use crate::{
    Store, archive,
    chains::lock,
    conn::{Arg, Tx, int},
    error::Result,
};
use alloy_primitives::{Address, B256, Bytes};
use devproof_primitives::{BlockRef, ComposeHash};

/// The longest id of a key provider that is kept beside an observation: a public key has 91 bytes.
const MAX_PROVIDER: usize = 1_024;
/// The longest text of a row, in characters; each is a name, a URL or a list of rows.
const MAX_TEXT: usize = 2_048;

/// One look at one instance, whose hardware and log a verifier let pass. Whoever calls says so: the store cannot know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// EIP-155 chain id on which the app is said to live; a quote names none.
    pub chain_id: u64,
    /// The app id in the quote's log.
    pub app: Address,
    /// SHA-256 of the signed part of the quote.
    pub quote: B256,
    /// The version in the quote's log.
    pub compose_hash: ComposeHash,
    /// The instance's id, if it has one.
    pub instance_id: Option<Address>,
    /// The image of its operating system, as far as it is told.
    pub os_image_hash: Option<B256>,
    /// Kind and id of who gives it its keys.
    pub key_provider: Option<(String, Bytes)>,
    /// Where the evidence was, without anything secret.
    pub source: String,
    /// Whether the quote was made for random bytes or a challenge of ours, and is therefore no older than this look.
    pub is_fresh: bool,
    /// When it was looked, Unix seconds by our own clock.
    pub seen_at: u64,
    /// What came of it.
    pub judged: Judged,
}

/// How a quote was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The time that the verdict is of, Unix seconds.
    pub at: u64,
    /// `pass`, `fail` or `inconclusive`: the worst row that the policy requires.
    pub overall: String,
    /// The rows that it is because of.
    pub decisive: Vec<String>,
    /// Whether it is proved who the machine is; otherwise it only says so.
    pub is_proved: bool,
    /// Whether the quote was held against Intel's root. Against another one it proves nothing.
    pub is_intel_root: bool,
    /// Intel's word for the platform at that time.
    pub tcb_status: Option<String>,
    /// Who verified the hardware: `here`, or on whose word it rests.
    pub hardware_by: String,
    /// Who verified the operating system; `None` if nobody did.
    pub system_by: Option<String>,
    /// Names of what nobody may overlook.
    pub warnings: Vec<String>,
    /// The document of evidence, as it came.
    pub evidence: Bytes,
    /// The collateral, as it was used; `None` if none was.
    pub collateral: Option<Bytes>,
    /// The policy file; `None` for the strict policy.
    pub policy: Option<Bytes>,
    /// The verdict as JSON.
    pub verdict: Bytes,
    /// The block that the quote is known to lie behind.
    pub from: Option<BlockRef>,
    /// The block after which the authorisation was asked about.
    pub to: Option<BlockRef>,
}

/// What a sighting added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// A quote that was not known.
    New,
    /// A quote that was known, judged as before.
    Again,
    /// A quote that was known, judged in another way than before.
    JudgedAnew,
}

/// Something to be told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedAlert {
    /// What tells it apart for ever.
    pub id: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The app.
    pub app: Address,
    /// What it is about, as alerts have it.
    pub kind: String,
    /// In one line.
    pub title: String,
    /// In sentences.
    pub text: String,
    /// When it was found, Unix seconds by our own clock.
    pub found_at: u64,
}

impl Store {
    /// Takes down a sighting, with everything that it rests on. The same quote again is the same observation.
    ///
    /// # Errors
    /// [`StoreError::UnknownChain`](crate::StoreError::UnknownChain),
    /// [`StoreError::ArchiveTooLong`](crate::StoreError::ArchiveTooLong).
    pub async fn record_sighting(&self, sighting: &Sighting) -> Result<Recorded> {
        let mut tx = self.begin_write().await?;
        // Whoever else records for this chain waits here, so that numbers of judgements are not given twice.
        lock(&mut tx, sighting.chain_id).await?;
        let is_new = observation(&mut tx, sighting).await?;
        let is_other = judgement(&mut tx, sighting).await?;
        at_a_glance(&mut tx, sighting).await?;
        tx.commit().await?;
        Ok(match (is_new, is_other) {
            (true, _) => Recorded::New,
            (false, true) => Recorded::JudgedAnew,
            (false, false) => Recorded::Again,
        })
    }

    /// Takes down something to be told; whether it is to be told now, which it is once, whoever finds it again.
    ///
    /// # Errors
    /// [`StoreError::UnknownChain`](crate::StoreError::UnknownChain).
    pub async fn record_alert(&self, alert: &ObservedAlert) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        lock(&mut tx, alert.chain_id).await?;
        let written = tx
            .execute(
                "INSERT INTO observed_alerts (id, chain_id, app, kind, title, text, found_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                &[
                    Arg::Text(&clipped(&alert.id)),
                    Arg::Int(int("chain id", alert.chain_id)?),
                    Arg::Bytes(alert.app.as_slice()),
                    Arg::Text(&clipped(&alert.kind)),
                    Arg::Text(&clipped(&alert.title)),
                    Arg::Text(&clipped(&alert.text)),
                    Arg::Int(int("time", alert.found_at)?),
                ],
            )
            .await?;
        tx.commit().await?;
        Ok(written == 1)
    }
}

/// Whether the quote was not known.
async fn observation(tx: &mut Tx, it: &Sighting) -> Result<bool> {
    let provider = it.key_provider.as_ref();
    let provider_id = provider.map(|(_, id)| id.as_ref()).filter(|id| id.len() <= MAX_PROVIDER);
    let written = tx
        .execute(
            "INSERT INTO observations (chain_id, app, quote, compose_hash, instance_id, os_image_hash, key_provider,
                 key_provider_id, source, is_fresh, first_seen, last_seen)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) ON CONFLICT DO NOTHING",
            &[
                Arg::Int(int("chain id", it.chain_id)?),
                Arg::Bytes(it.app.as_slice()),
                Arg::Bytes(it.quote.as_slice()),
                Arg::Bytes(it.compose_hash.0.as_slice()),
                Arg::Bytes(instance(it)),
                Arg::MaybeBytes(it.os_image_hash.as_ref().map(|hash| hash.as_slice())),
                Arg::MaybeText(provider.map(|(kind, _)| kind.as_str())),
                Arg::MaybeBytes(provider_id),
                Arg::Text(&clipped(&it.source)),
                Arg::Int(it.is_fresh.into()),
                Arg::Int(int("time", it.seen_at)?),
            ],
        )
        .await?;
    if written == 1 {
        return Ok(true);
    }
    // A quote that was made for one look is shown to others as well: it stays as young as it was.
    tx.execute(
        "UPDATE observations SET last_seen = CASE WHEN last_seen < $4 THEN $4 ELSE last_seen END
         WHERE chain_id = $1 AND app = $2 AND quote = $3",
        &[
            Arg::Int(int("chain id", it.chain_id)?),
            Arg::Bytes(it.app.as_slice()),
            Arg::Bytes(it.quote.as_slice()),
            Arg::Int(int("time", it.seen_at)?),
        ],
    )
    .await?;
    Ok(false)
}

/// Whether it came out in another way than the last time; so it is also where there was none.
async fn judgement(tx: &mut Tx, it: &Sighting) -> Result<bool> {
    let key = [
        Arg::Int(int("chain id", it.chain_id)?),
        Arg::Bytes(it.app.as_slice()),
        Arg::Bytes(it.quote.as_slice()),
    ];
    let last = tx
        .row(
            "SELECT entry, overall, decisive, is_proved, is_intel_root, tcb_status, hardware_by, system_by, warnings,
                 collateral, policy, evidence FROM judgements
             WHERE chain_id = $1 AND app = $2 AND quote = $3 ORDER BY entry DESC LIMIT 1",
            &key,
        )
        .await?;
    let judged = &it.judged;
    let seen = int("time", it.seen_at)?;
    let (decisive, warnings) =
        (clipped(&judged.decisive.join(" ")), clipped(&judged.warnings.join(" ")));
    let (hardware_by, system_by) =
        (clipped(&judged.hardware_by), judged.system_by.as_deref().map(clipped));
    let hash = |bytes: &Option<Bytes>| bytes.as_ref().map(|bytes| archive::sha256(bytes));
    let mut entry = 0;
    if let Some(last) = last {
        let is_same = last.text(1)? == judged.overall
            && last.text(2)? == decisive
            && (last.int(3)? == 1) == judged.is_proved
            && (last.int(4)? == 1) == judged.is_intel_root
            && last.maybe_text(5)? == judged.tcb_status.as_deref()
            && last.text(6)? == hardware_by
            && last.maybe_text(7)? == system_by.as_deref()
            && last.text(8)? == warnings
            && last.maybe_hash(9)? == hash(&judged.collateral)
            && last.maybe_hash(10)? == hash(&judged.policy);
        if is_same {
            let [chain, app, quote] = key;
            tx.execute(
                "UPDATE judgements SET seen_until = CASE WHEN seen_until < $5 THEN $5 ELSE seen_until END
                 WHERE chain_id = $1 AND app = $2 AND quote = $3 AND entry = $4",
                &[chain, app, quote, Arg::Int(last.int(0)?), Arg::Int(seen)],
            )
            .await?;
            // What was dropped because nobody had seen it for long is there again.
            let same_document = last.hash(11)? == archive::sha256(&judged.evidence);
            let evidence = Some(&judged.evidence).filter(|_| same_document);
            let again = [evidence, judged.collateral.as_ref(), judged.policy.as_ref()];
            for bytes in again.into_iter().flatten() {
                archive::keep(tx, bytes, it.seen_at).await?;
            }
            return Ok(false);
        }
        entry = last.int(0)? + 1;
    }
    let now = it.seen_at;
    let evidence = archive::keep(tx, &judged.evidence, now).await?;
    let verdict = archive::keep(tx, &judged.verdict, now).await?;
    let mut kept = [None, None];
    for (kept, bytes) in kept.iter_mut().zip([&judged.collateral, &judged.policy]) {
        if let Some(bytes) = bytes {
            *kept = Some(archive::keep(tx, bytes, now).await?);
        }
    }
    let [collateral, policy] = &kept;
    let number = |block: Option<BlockRef>| -> Result<Arg<'static>> {
        let number = block.map(|block| int("block number", block.number)).transpose()?;
        Ok(Arg::MaybeInt(number))
    };
    let [chain, app, quote] = key;
    tx.execute(
        "INSERT INTO judgements (chain_id, app, quote, entry, seen_from, seen_until, judged_at, overall, decisive,
             is_proved, is_intel_root, tcb_status, hardware_by, system_by, warnings, evidence, collateral, policy,
             verdict, from_number, from_hash, to_number, to_hash)
         VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        &[
            chain,
            app,
            quote,
            Arg::Int(entry),
            Arg::Int(seen),
            Arg::Int(int("time", judged.at)?),
            Arg::Text(&judged.overall),
            Arg::Text(&decisive),
            Arg::Int(judged.is_proved.into()),
            Arg::Int(judged.is_intel_root.into()),
            Arg::MaybeText(judged.tcb_status.as_deref()),
            Arg::Text(&hardware_by),
            Arg::MaybeText(system_by.as_deref()),
            Arg::Text(&warnings),
            Arg::Bytes(evidence.as_slice()),
            Arg::MaybeBytes(collateral.as_ref().map(|hash| hash.as_slice())),
            Arg::MaybeBytes(policy.as_ref().map(|hash| hash.as_slice())),
            Arg::Bytes(verdict.as_slice()),
            number(judged.from)?,
            Arg::MaybeBytes(judged.from.as_ref().map(|block| block.hash.as_slice())),
            number(judged.to)?,
            Arg::MaybeBytes(judged.to.as_ref().map(|block| block.hash.as_slice())),
        ],
    )
    .await?;
    Ok(true)
}

async fn at_a_glance(tx: &mut Tx, it: &Sighting) -> Result<()> {
    tx.execute(
        "INSERT INTO observed_instances (chain_id, app, compose_hash, instance_id, is_proved, is_intel_root, first_seen,
             last_seen, looks, last_quote)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1, $8)
         ON CONFLICT (chain_id, app, compose_hash, instance_id, is_proved, is_intel_root) DO UPDATE SET
             looks = observed_instances.looks + 1,
             first_seen = CASE WHEN observed_instances.first_seen > $7 THEN $7 ELSE observed_instances.first_seen END,
             last_quote = CASE WHEN observed_instances.last_seen <= $7 THEN $8 ELSE observed_instances.last_quote END,
             last_seen = CASE WHEN observed_instances.last_seen < $7 THEN $7 ELSE observed_instances.last_seen END",
        &[
            Arg::Int(int("chain id", it.chain_id)?),
            Arg::Bytes(it.app.as_slice()),
            Arg::Bytes(it.compose_hash.0.as_slice()),
            Arg::Bytes(instance(it)),
            Arg::Int(it.judged.is_proved.into()),
            Arg::Int(it.judged.is_intel_root.into()),
            Arg::Int(int("time", it.seen_at)?),
            Arg::Bytes(it.quote.as_slice()),
        ],
    )
    .await?;
    Ok(())
}

fn instance(it: &Sighting) -> &[u8] {
    it.instance_id.as_ref().map_or(&[], |id| id.as_slice())
}

/// No text of a row is without bounds.
fn clipped(text: &str) -> String {
    // PostgreSQL takes no NUL in a text.
    text.chars().filter(|c| *c != '\0').take(MAX_TEXT).collect()
}
