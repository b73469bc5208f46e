//! What has to be told of what was seen.

use crate::take_down::{Target, seen_as};
use alloy_primitives::{Address, B256};
use devproof_api::{
    AnswerError,
    alerts::{About, instances_differ, out_of_date, unannounced},
    documents::{AuthorisedThen, SeenAs},
    known_versions,
};
use devproof_attestation::{Comparison, Outcome, TcbStatus, Verdict};
use devproof_store::{ObservedAlert, Store, StoreError};
use std::collections::BTreeSet;

/// How far the newest block that is known may be behind what was seen, in seconds, before the index cannot say that a version
/// never was announced. Less than what an answer allows itself: it is given anew, and an alarm is told once.
const CURRENT: u64 = 600;

/// Judgements of one instance that are looked at. What is older was told when it was seen.
const BACK: u64 = 50;

/// Why it could not be found out what has to be told.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was found out.
#[derive(Debug, Default)]
pub struct Findings {
    /// To be told, and never told before.
    pub new: Vec<ObservedAlert>,
    /// Whatever is so, told before or not.
    pub all: Vec<ObservedAlert>,
    /// Why what the chain allowed could not be told, if it could not.
    pub chain: Option<AnswerError>,
}

/// Finds out what has to be told of instances that were seen and taken down: their verdicts, and how they compare.
///
/// # Errors
/// [`FindError`]. That the index could not tell what was allowed is in the findings.
pub async fn find(
    store: &Store,
    target: &Target,
    seen: &[(&Verdict, bool)],
    comparison: Option<&Comparison>,
    seen_at: u64,
) -> Result<Findings, FindError> {
    let about = About { chain_id: target.chain_id, app: target.app, name: &target.name, seen_at };
    let mut findings = Findings::default();
    let mut versions: BTreeSet<(B256, SeenAs)> = BTreeSet::new();
    let mut instances: BTreeSet<Option<Address>> = BTreeSet::new();
    for (verdict, is_intel_root) in seen {
        let version = verdict.identity.compose_hash;
        versions.extend(version.map(|hash| (hash.0, seen_as(verdict, *is_intel_root))));
        instances.insert(verdict.identity.instance_id);
    }
    let hashes: BTreeSet<B256> = versions.iter().map(|(hash, _)| *hash).collect();
    if !hashes.is_empty() {
        // By the newest block that is known: what was announced a minute ago was announced.
        let newest = devproof_api::Finality::Unsafe;
        let known = known_versions(store, target.chain_id, target.app, &hashes, newest).await;
        match known {
            Ok(known) => {
                for (version, seen_as) in &versions {
                    let Some(known) = known.get(version) else { continue };
                    let never = known.intervals.is_empty() && !known.announced;
                    // An index that does not know everything, or is behind, cannot say that something never was.
                    let is_current = known.until.saturating_add(CURRENT) >= seen_at;
                    let can_tell =
                        is_current && known.over(seen_at, seen_at) == AuthorisedThen::NotAllowed;
                    if never && can_tell {
                        findings.all.push(unannounced(&about, *version, *seen_as));
                    }
                }
            }
            Err(AnswerError::Store(error)) => return Err(error.into()),
            Err(error) => findings.chain = Some(error),
        }
    }
    for instance in instances {
        findings.all.extend(turned(store, target, &about, instance).await?);
    }
    if let Some(comparison) = comparison {
        let differing: Vec<_> = comparison
            .fields
            .iter()
            .filter(|field| field.result == Outcome::Fail)
            .map(|field| (field.field, field.values.iter().flatten().cloned().collect()))
            .collect();
        if !differing.is_empty() {
            findings.all.push(instances_differ(&about, &differing));
        }
    }
    for alert in &findings.all {
        if store.record_alert(alert).await? {
            findings.new.push(alert.clone());
        }
    }
    Ok(findings)
}

/// Whether the platform of an instance is out of date and was not before; told by the first judgement that says so.
async fn turned(
    store: &Store,
    target: &Target,
    about: &About<'_>,
    instance: Option<Address>,
) -> Result<Option<ObservedAlert>, StoreError> {
    let (chain_id, app) = (target.chain_id, target.app);
    let mut told = Vec::new();
    for seen in store.observations_of(chain_id, app, instance, BACK).await? {
        for judged in store.judgements(chain_id, app, seen.quote, BACK).await? {
            let root = judged.is_intel_root;
            if let Some(status) = judged.tcb_status {
                told.push((judged.seen_from, (seen.quote, judged.entry), status, root));
            }
        }
    }
    if instance.is_none() {
        // Those without an id cannot be told apart: only the same quote is the same machine.
        let last = told.iter().max_by_key(|it| (it.0, it.1)).map(|it| it.1.0);
        told.retain(|it| Some(it.1.0) == last);
    }
    told.sort_by_key(|(seen_from, place, ..)| (*seen_from, *place));
    // What was held against another root says nothing about Intel's word.
    let root = told.last().map(|it| it.3);
    told.retain(|it| Some(it.3) == root);
    let is_out = |status: &str| {
        status.parse::<TcbStatus>().is_ok_and(|it| it.is_out_of_date() || it == TcbStatus::Revoked)
    };
    let begins = told.iter().rposition(|(_, _, status, _)| !is_out(status));
    let turned = begins.and_then(|n| Some((told.get(n)?, told.get(n + 1)?)));
    Ok(turned
        .map(|((_, _, was, _), (_, place, is, _))| out_of_date(about, instance, (was, is), *place)))
}
