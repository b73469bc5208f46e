//! The KMS's own quote, which its contract shows beside its keys: whether those keys were made in a TEE.
//!
//! When a KMS makes its keys, it has a quote made for both (`report_data`, as dstack's KMS does at its first start), and whoever
//! deploys its contract puts keys, quote and log into `kmsInfo()`. The quote shows that some machine on genuine hardware was
//! asked for it with exactly these keys. Any app on any system can ask so; only a system that is known, with a version of the
//! KMS that is known, shows that the keys were made there and never were anywhere else.

use crate::{ChainAsked, Examiner, Exhibit, KmsInfo, rows};
use alloy_primitives::{Address, hex};
use devproof_attestation::{
    Check, CheckId, Concern, Evidence, KmsKeys, Outcome, ReportData, TdxQuote, Verdict, Warning,
};
use devproof_primitives::BlockRef;
use serde_json::json;

/// What was found out.
type Told = (Outcome, &'static str, String);

impl Examiner {
    /// The row about the KMS's own quote, and what nobody may overlook of it. `exhibit` says how it is judged.
    pub async fn kms_quote(
        &self,
        exhibit: &Exhibit,
        asked: &ChainAsked,
        (kms, block): (Address, BlockRef),
        info: &KmsInfo,
    ) -> (Check, Option<Warning>) {
        let (told, verdict) = self.judge(exhibit, info).await;
        let (result, word, how) = told;
        let mut row = Check::new(CheckId::KmsQuote, result, how).value(word).said_by(&asked.name);
        row = row.detail("kms", format!("{kms:#x}")).detail("block", rows::document(block));
        if let Some(verdict) = verdict {
            let status = verdict.check(CheckId::Tcb).and_then(|row| row.value.clone());
            row = row
                .detail("quote", json!(verdict.quote))
                .detail("identity", json!(verdict.identity))
                .detail("tcbStatus", json!(status))
                .detail("collateral", json!(verdict.collateral));
        }
        let warning = (result == Outcome::Fail).then(|| {
            let text = format!(
                "The contract of the KMS {kms:#x} shows a quote that does not stand behind the keys beside it: {}.",
                row.how
            );
            Warning::new(Concern::KmsQuote, text)
        });
        (row, warning)
    }

    async fn judge(&self, exhibit: &Exhibit, info: &KmsInfo) -> (Told, Option<Verdict>) {
        let open = |why: &str| ((Outcome::Inconclusive, "not known", why.to_owned()), None);
        let refused = |why: String| ((Outcome::Fail, "refused", why), None);
        let Some(quote) = &info.quote else {
            let how = "the contract shows no quote of the KMS: whether its keys were made in a TEE is not known";
            return ((Outcome::NotEvaluated, "not known", how.to_owned()), None);
        };
        let (Some(ca), Some(k256)) = (&info.keys.ca, &info.keys.k256) else {
            return open(
                "the contract shows a quote of the KMS, and not both of the keys that it is to be about",
            );
        };
        let log = info.event_log.as_ref().and_then(|log| std::str::from_utf8(log).ok());
        let document = json!({ "quote": hex::encode(quote), "event_log": log }).to_string();
        let evidence = match Evidence::read(document.as_bytes()) {
            Ok(mut all) if all.len() == 1 => all.swap_remove(0),
            Ok(_) => return refused("it is of several instances".to_owned()),
            Err(error) => return refused(format!("it is no evidence: {error}")),
        };
        let fmspc = TdxQuote::parse(evidence.quote.clone()).ok().and_then(|it| it.fmspc());
        let fmspc = fmspc.map(hex::encode);
        // What was handed over for the instance's platform may serve for that of the KMS as well.
        let given = exhibit.collateral.clone().filter(|it| {
            let said = it.fmspc().map(str::to_ascii_lowercase);
            said.is_some() && said == fmspc
        });
        let declared = ReportData::KmsKeys { ca: ca.clone(), k256: k256.clone() };
        let exhibit = Exhibit {
            evidence,
            collateral: given,
            compose: None,
            report_data: Some(declared),
            kms: KmsKeys::default(),
            chain: None,
            challenge: None,
            ..exhibit.clone()
        };
        let (verdict, _) = self.verdict(exhibit.clone()).await;
        (told(&verdict, &exhibit), Some(verdict))
    }
}

/// What the verdict about the KMS's quote says of its keys.
fn told(verdict: &Verdict, exhibit: &Exhibit) -> Told {
    let needed = [CheckId::Hardware, CheckId::ReportData, CheckId::TdAttributes, CheckId::EventLog];
    let rows: Vec<&Check> = needed.iter().filter_map(|id| verdict.check(*id)).collect();
    if let Some(row) = rows.iter().find(|row| row.result == Outcome::Fail) {
        let how = match row.id {
            CheckId::ReportData => "the quote was not made for these keys".to_owned(),
            id => format!("{}: {}", id.name(), row.how),
        };
        return (Outcome::Fail, "refused", how);
    }
    if let Some(row) = rows.iter().find(|row| row.result != Outcome::Pass) {
        let how = format!(
            "whether the keys of the KMS were made in a TEE could not be told: {}: {}",
            row.id.name(),
            row.how
        );
        return (Outcome::Inconclusive, "not known", how);
    }
    let others = verdict.check(CheckId::Backends);
    if let Some(row) = others.filter(|row| row.result == Outcome::Fail) {
        let how =
            format!("those who were asked about the quote of the KMS do not agree: {}", row.how);
        return (Outcome::Inconclusive, "not known", how);
    }
    // Keys outlive the patch level of the machine that made them; what is known to be broken proves nothing of them.
    let tcb = verdict.check(CheckId::Tcb);
    if let Some(row) = tcb.filter(|row| row.result != Outcome::Pass) {
        let how = format!(
            "a machine had this quote made for exactly these keys, but its patch level does not stand behind them today: {}",
            row.how
        );
        return (Outcome::Inconclusive, "claimed", how);
    }
    let version = verdict.identity.compose_hash.map(|hash| hash.0);
    let known = version.is_some_and(|it| exhibit.policy.kms_versions.contains(&it));
    let version = version.map_or_else(|| "no version".to_owned(), |it| format!("version {it:#x}"));
    match (verdict.identity.proved, known) {
        (true, true) => (
            Outcome::Pass,
            "proved",
            format!(
                "the KMS made these keys in a TEE: its quote is of a known system with {version}, which the policy names"
            ),
        ),
        (proved, _) => {
            let lacking = if proved {
                format!(
                    "that {version} makes its keys itself is not known; the policy names it in kms.versions if it does"
                )
            } else {
                format!(
                    "which operating system it ran was not shown, so that {version} is only claimed"
                )
            };
            (
                Outcome::Inconclusive,
                "claimed",
                format!("a machine had this quote made for exactly these keys, but {lacking}"),
            )
        }
    }
}
