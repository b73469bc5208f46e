//! Puts what the index says about a boot into a verdict.

use crate::{
    Finality, When,
    documents::{Attested, Block, IsAllowed, KmsVerdict, Since, Touched},
};
use alloy_primitives::Address;
use devproof_attestation::{Check, CheckId, Concern, Outcome, Policy, Verdict, Warning};
use devproof_evidence::Which;
use serde_json::json;

/// The block that a node is to be asked about; `None` for a time, after which no contract can be called.
#[must_use]
pub const fn which(when: When) -> Option<Which> {
    match when {
        When::Tag(Finality::Unsafe) => Some(Which::Latest),
        When::Tag(Finality::Safe) => Some(Which::Safe),
        When::Tag(Finality::Finalized) => Some(Which::Finalized),
        When::Block(number) => Some(Which::Number(number)),
        When::Hash(hash) => Some(Which::Hash(hash)),
        When::Time(_) => None,
    }
}

/// Puts the three rows about a KMS into the verdict, by what the index says. A row that a node filled in before is left,
/// unless the index knows that it does not hold, or not all the time. `by` names the index, on which the rows rest;
/// `kms` is the contract that was asked for, else any of the index counts.
pub fn put_attested(
    verdict: &mut Verdict,
    policy: &Policy,
    attested: &Attested,
    by: &str,
    kms: Option<Address>,
) {
    let passes = |id| verdict.check(id).is_some_and(|row| row.result == Outcome::Pass);
    let end = block(&attested.to);
    let Some(of) = one(&attested.is_allowed, kms) else {
        let how = match kms {
            Some(kms) => format!("the index does not follow the KMS {kms:#x}"),
            None => "the index follows no KMS".to_owned(),
        };
        return put_untold(verdict, policy, &how, by);
    };
    let leg =
        |name: &str| of.verdict.legs.iter().find(|leg| leg.leg == name).and_then(|leg| leg.holds);
    let row = |id, holds: Option<bool>, proved: bool, what: &str| match holds {
        Some(true) if proved => Check::new(id, Outcome::Pass, format!("{what} after {end}")),
        Some(true) => Check::new(
            id,
            Outcome::Inconclusive,
            format!("{what} after {end}, but that this machine is that is not proved"),
        ),
        Some(false) => Check::new(id, Outcome::Fail, format!("not {what} after {end}")),
        None => Check::new(
            id,
            Outcome::Inconclusive,
            format!("it is not known whether {what} after {end}"),
        ),
    };
    let registered = row(
        CheckId::AppRegistered,
        leg("app_registered"),
        passes(CheckId::AppId),
        "registered with the KMS",
    );
    let image = row(
        CheckId::OsImageAllowed,
        leg("os_image"),
        passes(CheckId::OsImage),
        "admitted by the KMS",
    );
    let (allowed, warning) = allowed(attested, of, verdict.identity.proved, &end);
    let rows = [registered, image, allowed];
    let rows = rows.map(|row| {
        row.said_by(by)
            .detail("kms", format!("{:#x}", of.contract))
            .detail("block", json!(attested.to))
            .detail("completeness", json!(attested.completeness))
    });
    let rows = rows.into_iter().filter(|row| counts(verdict, row)).map(|row| match row.id {
        CheckId::IsAppAllowed => row.detail("index", json!(attested)),
        _ => row,
    });
    let rows: Vec<_> = rows.collect();
    let disputes: Vec<_> = rows.iter().filter_map(|row| dispute(verdict, row)).collect();
    verdict.put(rows, policy);
    verdict.warnings.extend(disputes);
    let known = |it: &Warning| verdict.warnings.iter().any(|other| other.id == it.id);
    if let Some(warning) = warning.filter(|it| !known(it)) {
        verdict.warnings.push(warning);
    }
}

/// The rows, when the index could not tell. What a node said before stays.
pub fn put_untold(verdict: &mut Verdict, policy: &Policy, why: &str, by: &str) {
    let rows = [CheckId::AppRegistered, CheckId::OsImageAllowed, CheckId::IsAppAllowed];
    let open =
        |id: &CheckId| verdict.check(*id).is_some_and(|row| row.result == Outcome::NotEvaluated);
    let row = |id| Check::new(id, Outcome::Inconclusive, why).said_by(by);
    let rows: Vec<_> = rows.into_iter().filter(open).map(row).collect();
    verdict.put(rows, policy);
}

/// Whether a row says more than the one that is there: a worse thing that is known, or anything where nothing is.
fn counts(verdict: &Verdict, row: &Check) -> bool {
    let Some(there) = verdict.check(row.id) else { return false };
    match there.result {
        Outcome::NotEvaluated => true,
        Outcome::Fail => false,
        Outcome::Pass | Outcome::Inconclusive => {
            let gap = row.id == CheckId::IsAppAllowed && row.details.contains_key("between");
            row.result == Outcome::Fail || (gap && there.result == Outcome::Pass)
        }
    }
}

/// Node and index were asked about the same block: where one says yes and the other no, one of them is wrong.
fn dispute(verdict: &Verdict, row: &Check) -> Option<Warning> {
    let there = verdict.check(row.id).filter(|it| it.result == Outcome::Pass)?;
    (row.result == Outcome::Fail).then(|| {
        Warning::new(
            Concern::Disagreement,
            format!(
                "The node and the index say different things about {}: {}; {}. Run `devproof fsck` to see which is wrong.",
                row.id.name(),
                there.how,
                row.how
            ),
        )
    })
}

/// The KMS that was asked for, or the one that says yes, or the first.
fn one(said: &IsAllowed, kms: Option<Address>) -> Option<&KmsVerdict> {
    let mut all = said.kms.iter();
    match kms {
        Some(kms) => all.find(|it| it.contract == kms),
        None => all.find(|it| it.verdict.is_allowed == Some(true)).or(said.kms.first()),
    }
}

fn allowed(
    attested: &Attested,
    of: &KmsVerdict,
    proved: bool,
    end: &str,
) -> (Check, Option<Warning>) {
    let id = CheckId::IsAppAllowed;
    match of.verdict.is_allowed {
        None => {
            let how = format!("after {end} {}", of.verdict.reason);
            (Check::new(id, Outcome::Inconclusive, how), None)
        }
        Some(false) => {
            let how = format!("the KMS refuses this boot after {end}: {:?}", of.verdict.reason);
            match allowed_before(attested, of.contract) {
                Some((since, until)) => {
                    let how = format!("was allowed when it could boot, and is no longer: {how}");
                    (Check::new(id, Outcome::Fail, how), Some(no_longer(since, until)))
                }
                None => (Check::new(id, Outcome::Fail, how), None),
            }
        }
        Some(true) => {
            let touched: Vec<_> = attested
                .between
                .iter()
                .filter(|it| {
                    it.contract == of.contract || it.contract == attested.is_allowed.contract
                })
                .collect();
            let not_yet = attested.from.is_some() && attested.was_allowed != Some(true);
            if not_yet || !touched.is_empty() {
                return gap(attested, &touched, end);
            }
            if !proved {
                let how = "the KMS allows the boot of what this machine claims to be, and nothing proves that it is that";
                return (Check::new(id, Outcome::Inconclusive, how), None);
            }
            let how = match &attested.from {
                Some(from) => {
                    format!("the KMS allows this boot, all the time from {} to {end}", block(from))
                }
                None => format!(
                    "the KMS allows this boot after {end}; when the quote was made is not known"
                ),
            };
            (Check::new(id, Outcome::Pass, how), None)
        }
    }
}

/// The last time before the block in question in which version, image and registration were all in force with a KMS: from
/// when on, and what ended it.
fn allowed_before(attested: &Attested, kms: Address) -> Option<(&Since, &Since)> {
    let place = |since: &Since| (since.block, since.log_index.unwrap_or_default());
    let of = |setting: &'static str| {
        let intervals = attested.kms_intervals.iter();
        intervals.filter(move |it| it.contract == kms && it.setting == setting)
    };
    let all = attested.intervals.iter().flat_map(|version| {
        of("os_image")
            .flat_map(move |image| of("registered_app").map(move |app| (version, image, app)))
    });
    let together = all.filter_map(|(version, image, app)| {
        let since =
            [&version.since, &image.since, &app.since].into_iter().max_by_key(|it| place(it))?;
        let ends = [&version.until, &image.until, &app.until].into_iter().flatten();
        let until = ends.min_by_key(|it| place(it))?;
        (place(since) < place(until)).then_some((since, until))
    });
    let before = together.filter(|(_, until)| until.block <= attested.to.number);
    before.max_by_key(|(_, until)| place(until))
}

fn gap(attested: &Attested, touched: &[&Touched], end: &str) -> (Check, Option<Warning>) {
    let what: Vec<_> = touched
        .iter()
        .flat_map(|it| &it.entries)
        .take(5)
        .map(|entry| format!("{} {} in {}", entry.setting, entry.action, block(&entry.block)))
        .collect();
    let what = match what.as_slice() {
        [] => "it was not at the beginning".to_owned(),
        some => some.join(", "),
    };
    let from = attested.from.as_ref().map(block).unwrap_or_default();
    let how = format!(
        "allowed after {end}, but not known to have been all the time since {from}: {what}"
    );
    let warning = Warning::new(
        Concern::NotAllowedThroughout,
        format!(
            "What runs is allowed after {end}, but something that this rests on was not all the time since {from}, and the quote \
             may be of that time: {what}."
        ),
    );
    let row = Check::new(CheckId::IsAppAllowed, Outcome::Inconclusive, how);
    (row.detail("between", json!(attested.between)), Some(warning))
}

fn no_longer(since: &Since, until: &Since) -> Warning {
    Warning::new(
        Concern::NoLongerAllowed,
        format!(
            "What runs was allowed from block {} ({}) on, by its version, image and registration, and is no longer since block {} ({}). An instance that booted in \
             between goes on running, with the keys that it has: taking a version off the chain stops nothing.",
            since.block, since.timestamp, until.block, until.timestamp
        ),
    )
}

fn block(block: &Block) -> String {
    format!("block {} ({})", block.number, block.timestamp)
}
