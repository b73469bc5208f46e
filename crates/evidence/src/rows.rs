//! Rows of a verdict that a chain fills in.

use crate::{AskError, Authorisation, ChainAsked, Challenge, Said, Standing};
use alloy_primitives::Address;
use devproof_attestation::{Check, CheckId, Concern, Outcome, Policy, Verdict, Warning};
use devproof_chain::{ChainError, Heads};
use devproof_primitives::BlockRef;
use jiff::Timestamp;
use serde_json::{Value, json};

/// A block in words.
pub(crate) fn words(block: BlockRef) -> String {
    let time = i64::try_from(block.timestamp).ok().and_then(|it| Timestamp::from_second(it).ok());
    match time {
        Some(time) => format!("block {} ({time})", block.number),
        None => format!("block {}", block.number),
    }
}

pub(crate) fn document(block: BlockRef) -> Value {
    json!({"number": block.number, "hash": block.hash, "timestamp": block.timestamp})
}

/// Whether the quote is no older than the challenge's block, and that block if so. `standing` is `None` if no node was
/// asked.
pub(crate) fn freshness(
    verdict: &Verdict,
    challenge: &Challenge,
    standing: Option<&Result<Standing, ChainError>>,
    asked: Option<&ChainAsked>,
) -> (Check, Option<Warning>, Option<BlockRef>) {
    let row = |result, how: String| {
        let row = Check::new(CheckId::Freshness, result, how)
            .value(format!("block {} {:#x}", challenge.number, challenge.hash))
            .detail("chainId", challenge.chain_id);
        match asked {
            Some(asked) => row.said_by(&asked.name),
            None => row,
        }
    };
    let passes = |id| verdict.check(id).is_some_and(|row| row.result == Outcome::Pass);
    let number = challenge.number;
    if !passes(CheckId::ReportData) {
        let how = "the quote was not made for this challenge".to_owned();
        return (row(Outcome::Fail, how), None, None);
    }
    if !passes(CheckId::Hardware) {
        let how = "the quote was made for this challenge, but is not verified itself".to_owned();
        return (row(Outcome::Inconclusive, how), None, None);
    }
    let open = |why: String| {
        let how = format!("the quote was made for this challenge, but {why}");
        (row(Outcome::Inconclusive, how), None, None)
    };
    match (standing, asked) {
        (None, _) | (_, None) => {
            open(format!("no node was asked whether block {number} is on the chain"))
        }
        (_, Some(asked)) if asked.node.chain_id() != challenge.chain_id => open(format!(
            "its block is one of chain {}, and the node serves chain {}",
            challenge.chain_id,
            asked.node.chain_id()
        )),
        (Some(Err(error)), _) => {
            open(format!("whether block {number} is on the chain could not be told: {error}"))
        }
        (Some(Ok(Standing::Reorganised)), _) => {
            let how = format!(
                "the quote was made for this challenge, but its block {number} is not on the chain any more: by no block \
                 of the chain is it known when the quote was made"
            );
            let warning = Warning::new(
                Concern::ChallengeReorganised,
                format!(
                    "Block {number}, which the challenge commits to, was reorganised away. Make a new challenge, for a block \
                     that is final."
                ),
            );
            (row(Outcome::Inconclusive, how), Some(warning), None)
        }
        (Some(Ok(Standing::Canonical(block))), _) => {
            let how = format!(
                "the quote commits to the hash of {}, so it was made after that block",
                words(*block)
            );
            (row(Outcome::Pass, how).detail("block", document(*block)), None, Some(*block))
        }
    }
}

/// Puts the three rows about a KMS contract into the verdict.
pub(crate) fn of_kms(
    verdict: &mut Verdict,
    policy: &Policy,
    asked: &ChainAsked,
    kms: Address,
    found: &Result<(Authorisation, BlockRef, Option<Heads>), AskError>,
) {
    let (found, to, heads) = match found {
        Ok((found, to, heads)) => (found, *to, heads),
        Err(error) => return could_not(verdict, policy, &error.to_string(), Some(&asked.name)),
    };
    let after = words(to);
    let finish = |row: Check| {
        let row = row.said_by(&asked.name).detail("kms", format!("{kms:#x}"));
        let row = row.detail("block", document(to)).detail("chainId", asked.node.chain_id());
        match finality(to, heads.as_ref()) {
            Some(finality) => row.detail("finality", finality),
            None => row,
        }
    };
    let passes = |id| verdict.check(id).is_some_and(|row| row.result == Outcome::Pass);
    let id = CheckId::AppRegistered;
    let registered = match (found.registered, passes(CheckId::AppId)) {
        (false, _) => {
            Check::new(id, Outcome::Fail, format!("the KMS does not know this app after {after}"))
        }
        (true, false) => Check::new(
            id,
            Outcome::Inconclusive,
            "the KMS knows the app that this machine claims to be",
        ),
        (true, true) => {
            Check::new(id, Outcome::Pass, format!("registered with the KMS after {after}"))
        }
    };
    let mut rows = vec![finish(registered)];
    // What the policy refuses stays refused.
    let by_policy = verdict.check(CheckId::OsImageAllowed).map(|row| row.result);
    if by_policy != Some(Outcome::Fail) {
        let id = CheckId::OsImageAllowed;
        let row = match (found.os_image_allowed, passes(CheckId::OsImage)) {
            (false, _) => Check::new(
                id,
                Outcome::Fail,
                format!("the KMS does not admit this image after {after}"),
            ),
            (true, false) => Check::new(
                id,
                Outcome::Inconclusive,
                format!(
                    "the KMS admits this image after {after}, but nothing shows that it is this one"
                ),
            ),
            (true, true) => {
                Check::new(id, Outcome::Pass, format!("the KMS admits this image after {after}"))
            }
        };
        let image = verdict.identity.os_image_hash;
        rows.push(finish(match image {
            Some(image) => row.value(image),
            None => row,
        }));
    }
    let (row, warning) = allowed(found, to, verdict.identity.proved);
    let said: Vec<_> = (found.said.iter())
        .map(|it| json!({"block": document(it.block), "allowed": it.allowed, "reason": it.reason}))
        .collect();
    rows.push(finish(row).detail("said", said).detail("throughout", found.throughout));
    verdict.put(rows, policy);
    verdict.warnings.extend(warning);
}

/// The three rows, when it could not be told.
pub(crate) fn could_not(verdict: &mut Verdict, policy: &Policy, why: &str, by: Option<&str>) {
    let by_policy = verdict.check(CheckId::OsImageAllowed).map(|row| row.result);
    let rows = [CheckId::AppRegistered, CheckId::OsImageAllowed, CheckId::IsAppAllowed];
    let rows = rows.into_iter().filter(|id| {
        // What the policy says about the image stands.
        *id != CheckId::OsImageAllowed || by_policy == Some(Outcome::NotEvaluated)
    });
    let row = |id| {
        let row = Check::new(id, Outcome::Inconclusive, why);
        match by {
            Some(name) => row.said_by(name),
            None => row,
        }
    };
    verdict.put(rows.map(row).collect::<Vec<_>>(), policy);
}

/// What the KMS says to the boot, over the time that was looked at.
fn allowed(found: &Authorisation, to: BlockRef, proved: bool) -> (Check, Option<Warning>) {
    let id = CheckId::IsAppAllowed;
    let Some(last) = found.last() else {
        return (Check::new(id, Outcome::Inconclusive, "nothing was asked"), None);
    };
    let other = |allowed: bool| found.said.iter().rev().find(|said| said.allowed == allowed);
    let since = found.said.first().map_or(to, |said| said.block);
    if !last.allowed {
        let reason = match last.reason.as_str() {
            "" => "without a reason".to_owned(),
            reason => format!("{reason:?}"),
        };
        let how = format!("the KMS refuses this boot after {}: {reason}", words(to));
        return match other(true) {
            Some(before) => {
                let how = format!("was allowed when it could boot, and is no longer: {how}");
                (Check::new(id, Outcome::Fail, how), Some(no_longer(before, last)))
            }
            None => (Check::new(id, Outcome::Fail, how), None),
        };
    }
    let claimed = "the KMS allows the boot of what this machine claims to be, and nothing proves that it is that";
    match other(false) {
        Some(refused) => {
            let how = format!(
                "allowed after {}, but not all the time since {}: refused after {}",
                words(to),
                words(since),
                words(refused.block)
            );
            (Check::new(id, Outcome::Inconclusive, how), Some(gap(found, to)))
        }
        None if !proved => (Check::new(id, Outcome::Inconclusive, claimed), None),
        None if found.throughout => {
            let how = format!(
                "the KMS allows this boot, all the time from {} to {}",
                words(since),
                words(to)
            );
            (Check::new(id, Outcome::Pass, how), None)
        }
        None => {
            let how = format!(
                "the KMS allows this boot after {}; when the quote was made is not known",
                words(to)
            );
            (Check::new(id, Outcome::Pass, how), None)
        }
    }
}

fn no_longer(before: &Said, last: &Said) -> Warning {
    Warning::new(
        Concern::NoLongerAllowed,
        format!(
            "What runs was allowed after {} and is no longer after {}. An instance that booted while it was goes on running, \
             with the keys that it has: taking a version off the chain stops nothing.",
            words(before.block),
            words(last.block)
        ),
    )
}

fn gap(found: &Authorisation, to: BlockRef) -> Warning {
    let blocks: Vec<_> =
        found.said.iter().filter(|it| !it.allowed).map(|it| words(it.block)).collect();
    let shown = blocks.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let more = if blocks.len() > 5 { " and others" } else { "" };
    Warning::new(
        Concern::NotAllowedThroughout,
        format!(
            "What runs is allowed after {}, but was not after {shown}{more}, and the quote may be of that time.",
            words(to)
        ),
    )
}

/// By the node's own tags.
fn finality(block: BlockRef, heads: Option<&Heads>) -> Option<&'static str> {
    let heads = heads?;
    let reached = |tag: Option<BlockRef>| tag.is_some_and(|tag| block.number <= tag.number);
    Some(match (reached(heads.finalized), reached(heads.safe)) {
        (true, _) => "finalized",
        (false, true) => "safe",
        (false, false) => "unsafe",
    })
}

/// Says in the rows that rest on the keys of a KMS where those keys are from.
pub(crate) fn keys_from(
    verdict: &mut Verdict,
    policy: &Policy,
    asked: &ChainAsked,
    kms: Address,
    block: BlockRef,
) {
    let rows = [CheckId::OsImage, CheckId::KeyProvider, CheckId::KmsKeys];
    let rows: Vec<_> = rows
        .into_iter()
        .filter_map(|id| verdict.check(id).cloned())
        .filter(|row| matches!(row.result, Outcome::Pass | Outcome::Fail))
        .map(|row| {
            let from = json!({"contract": format!("{kms:#x}"), "block": document(block), "by": asked.name});
            row.detail("kmsKeysFrom", from)
        })
        .collect();
    verdict.put(rows, policy);
}
